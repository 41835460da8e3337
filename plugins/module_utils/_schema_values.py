# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a structural schema demands of one value: a table keyword -> check, with the API server's semantics."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _fields, _schema_text

Fault = Tuple[str, str]
"""(field, message)"""

_NAMES = {"object": "a mapping", "array": "a list", "string": "text", "integer": "an integer"}
_NAMES.update({"number": "a number", "boolean": "true or false"})


_SHOWN = 80
"""Characters of a value that an error shows."""


def shown(value: Any) -> str:
    """A value for a message: short, on one line, as JSON has it."""
    return _fields.shown(value, _SHOWN)


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
    if not isinstance(value, str) or _schema_text.matches(str(pattern), value) is not False:
        return None
    return "%s doesn't match %s" % (shown(value), pattern)


_BITS = {"int32": 31, "int64": 63}


def _format(value: Any, name: Any, schema: Mapping[str, Any]) -> Optional[str]:
    if name in _BITS and _number(value) and not -(2 ** _BITS[name]) <= value < 2 ** _BITS[name]:
        return "%s doesn't fit into %s" % (value, name)
    holds = _schema_text.FORMATS.get(name)
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
