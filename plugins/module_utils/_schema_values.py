# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a structural schema demands of one value: a table keyword -> check, with the API server's semantics."""

from __future__ import annotations

import base64
import binascii
import functools
import ipaddress
import json
import re
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence, Set, Tuple

_NAMES = {"object": "a mapping", "array": "a list", "string": "text", "integer": "an integer"}
_NAMES.update({"number": "a number", "boolean": "true or false"})


_SHOWN = 80
"""Characters of a value that an error shows."""


def shown(value: Any) -> str:
    """A value for a message: short, on one line, as JSON has it."""
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def type_name(wanted: str) -> str:
    """A schema's type in words."""
    return _NAMES.get(wanted, wanted)


def has_type(value: Any, wanted: str) -> bool:
    """Whether a JSON value is of a schema's type; 1.0 is an integer, true isn't."""
    if wanted == "object":
        return isinstance(value, dict)
    if wanted == "array":
        return isinstance(value, list)
    if wanted == "string":
        return isinstance(value, str)
    if wanted == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return wanted == "number" or isinstance(value, int) or value.is_integer()


def equal(one: Any, other: Any) -> bool:
    """Equality of JSON values: true isn't 1, and 1.0 is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(equal(left, right) for left, right in zip(one, other))
    return bool(one == other)


Check = Callable[[Any, Any, Mapping[str, Any]], Optional[str]]
"""(value, what the keyword says, the schema) to a complaint or None."""


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _minimum(value: Any, bound: Any, schema: Mapping[str, Any]) -> Optional[str]:
    if not _number(value):
        return None
    if schema.get("exclusiveMinimum"):
        return None if value > bound else "%s must be more than %s" % (value, bound)
    return None if value >= bound else "%s must be at least %s" % (value, bound)


def _maximum(value: Any, bound: Any, schema: Mapping[str, Any]) -> Optional[str]:
    if not _number(value):
        return None
    if schema.get("exclusiveMaximum"):
        return None if value < bound else "%s must be less than %s" % (value, bound)
    return None if value <= bound else "%s must be at most %s" % (value, bound)


def _multiple(value: Any, step: Any, schema: Mapping[str, Any]) -> Optional[str]:
    if not _number(value) or not step or (value / step) == int(value / step):
        return None
    return "%s must be a multiple of %s" % (value, step)


def _sized(kind: type, what: str, least: bool) -> Check:
    def check(value: Any, bound: Any, schema: Mapping[str, Any]) -> Optional[str]:
        if not isinstance(value, kind) or (len(value) >= bound if least else len(value) <= bound):  # type: ignore[arg-type]
            return None
        return "has %d %s, %s %s are allowed" % (
            len(value),  # type: ignore[arg-type]
            what,
            "at least" if least else "at most",
            bound,
        )

    return check


def _enum(value: Any, allowed: Any, schema: Mapping[str, Any]) -> Optional[str]:
    if any(equal(value, one) for one in allowed):
        return None
    return "%s isn't one of %s" % (shown(value), ", ".join(shown(one) for one in allowed))


def _pattern(value: Any, pattern: Any, schema: Mapping[str, Any]) -> Optional[str]:
    if not isinstance(value, str) or matches(str(pattern), value) is not False:
        return None
    return "%s doesn't match %s" % (shown(value), pattern)


_BITS = {"int32": 31, "int64": 63}


def _format(value: Any, name: Any, schema: Mapping[str, Any]) -> Optional[str]:
    if name in _BITS and _number(value) and not -(2 ** _BITS[name]) <= value < 2 ** _BITS[name]:
        return "%s doesn't fit into %s" % (value, name)
    holds = _FORMATS.get(name)
    if holds is None or not isinstance(value, str) or holds(value):
        return None
    return "%s isn't of the format %s" % (shown(value), name)


def _unique(value: Any, wanted: Any, schema: Mapping[str, Any]) -> Optional[str]:
    if not wanted or not isinstance(value, list):
        return None
    twice = duplicate(value)
    return None if twice is None else "%s stands there twice" % shown(value[twice])


CHECKS: Dict[str, Check] = {
    "enum": _enum,
    "pattern": _pattern,
    "format": _format,
    "minimum": _minimum,
    "maximum": _maximum,
    "multipleOf": _multiple,
    "minLength": _sized(str, "characters", least=True),
    "maxLength": _sized(str, "characters", least=False),
    "minItems": _sized(list, "entries", least=True),
    "maxItems": _sized(list, "entries", least=False),
    "minProperties": _sized(dict, "fields", least=True),
    "maxProperties": _sized(dict, "fields", least=False),
    "uniqueItems": _unique,
}


def complaints(schema: Mapping[str, Any], value: Any) -> Iterator[str]:
    """What the value violates of this schema itself, not of those below it."""
    for keyword, check in CHECKS.items():
        if schema.get(keyword) is not None:
            complaint = check(value, schema[keyword], schema)
            if complaint:
                yield complaint


def duplicate(values: Sequence[Any]) -> Optional[int]:
    """Index of the first value that stands there before."""
    seen: Set[str] = set()
    for index, value in enumerate(values):
        text = json.dumps(value, sort_keys=True, default=str)
        if text in seen:
            return index
        seen.add(text)
    return None


# -- patterns: the server has RE2

_POSIX = {
    "[:alnum:]": "0-9A-Za-z",
    "[:alpha:]": "A-Za-z",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:upper:]": "A-Z",
    "[:space:]": r"\t\n\v\f\r ",
    "[:xdigit:]": "0-9A-Fa-f",
    "[:word:]": "0-9A-Za-z_",
}


def matches(pattern: str, value: str) -> Optional[bool]:
    """Whether a text has a match, None where this machine can't read the pattern."""
    found = _compile(pattern)
    return None if found is None else found.search(value) is not None


def readable(pattern: str) -> bool:
    """Whether this machine can apply the pattern."""
    return matches(pattern, "") is not None


def unreadable(schema: Any, value: Any) -> Set[str]:
    """Patterns that apply to texts of this value and that this machine can't read."""
    if not isinstance(schema, dict):
        return set()
    if isinstance(value, str):
        found = {str(schema["pattern"])} if "pattern" in schema and not readable(str(schema["pattern"])) else set()
        parts = [part for keyword in _JUNCTORS for part in schema.get(keyword) or ()]
        return found.union(*(unreadable(part, value) for part in parts))
    if isinstance(value, list):
        return set().union(*(unreadable(schema.get("items"), entry) for entry in value))
    if isinstance(value, dict):
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        return set().union(*(unreadable(properties.get(key, additional), item) for key, item in value.items()))
    return set()


_JUNCTORS = ("allOf", "anyOf", "oneOf")


@functools.cache
def _compile(pattern: str) -> Any:
    """With the server's own engine where it is installed (google-re2), else as Python understands the pattern."""
    try:
        import re2  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 (few runs have a pattern to apply)
    except ImportError:
        re2 = None
    try:
        return re2.compile(pattern) if re2 is not None else re.compile(to_python(pattern), re.ASCII)
    except Exception:  # noqa: BLE001 (the two libraries have no common error)
        return None


def to_python(pattern: str) -> str:
    r"""RE2 as Python writes it: $ means the very end, so does \z, and POSIX classes have their letters."""
    for name, letters in _POSIX.items():
        pattern = pattern.replace(name, letters)
    return _TOKEN.sub(_python_token, pattern)


_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)
"""An escaped character, a class with its brackets, or the end of the text."""


def _python_token(match: Any) -> str:
    token = str(match.group(0))
    if token in ("$", r"\z"):
        return r"\Z"
    return "[" + token[1:].replace("[", r"\[") if token.startswith("[") else token


# -- formats: those that apiextensions checks

_DATE_TIME = re.compile(
    r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt ]"
    r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[-+]\d{2}:\d{2})$"
)
_DATE = re.compile(r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")
_UUID = re.compile(r"^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$")


def _base64(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _address(*kinds: type) -> Callable[[str], bool]:
    def holds(value: str) -> bool:
        for kind in kinds:
            try:
                kind(value)
            except ValueError:
                continue
            return True
        return False

    return holds


def _cidr(value: str) -> bool:
    return "/" in value and _address(ipaddress.IPv4Interface, ipaddress.IPv6Interface)(value)


_FORMATS: Dict[str, Callable[[str], bool]] = {
    "date-time": lambda value: _DATE_TIME.match(value) is not None,
    "date": lambda value: _DATE.match(value) is not None,
    "uuid": lambda value: _UUID.match(value) is not None,
    "byte": _base64,
    "ipv4": _address(ipaddress.IPv4Address),
    "ipv6": _address(ipaddress.IPv6Address),
    "cidr": _cidr,
}

Fault = Tuple[str, str]
"""(field, message)"""
