# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Texts as a structural schema describes them: patterns, which are RE2 at the server, and formats."""

from __future__ import annotations

import base64
import binascii
import functools
import ipaddress
import re
from typing import Any, Callable, Dict, Optional, Set

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


FORMATS: Dict[str, Callable[[str], bool]] = {
    "date-time": lambda value: _DATE_TIME.match(value) is not None,
    "date": lambda value: _DATE.match(value) is not None,
    "uuid": lambda value: _UUID.match(value) is not None,
    "byte": _base64,
    "ipv4": _address(ipaddress.IPv4Address),
    "ipv6": _address(ipaddress.IPv6Address),
    "cidr": _cidr,
}
"""Those that apiextensions checks."""
