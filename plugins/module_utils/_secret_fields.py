# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which fields of an object hold something secret: all of a Secret's values, and what is called a password or a token.

A name decides, as nothing else can: the name of an environment variable, of a header, of a flag or of a field.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Iterator, List, Mapping, Tuple, Union

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

Path = Tuple[Union[str, int], ...]
Field = Tuple[Path, str]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[^A-Za-z0-9]+")
_NOUNS = frozenset(
    {
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "token",
        "apikey",
        "bearer",
        "credential",
        "credentials",
        "authorization",
    }
)
_KINDS_OF_KEY = frozenset(
    {"access", "account", "api", "auth", "encryption", "license", "private", "routing", "secret", "service", "signing"}
)
_SPEAKING = ("passw", "passphrase", "token", "secret", "credential", "authorization", "bearer")
_ABOUT = frozenset(
    {
        "algorithm",
        "audience",
        "dir",
        "enabled",
        "expiration",
        "expiry",
        "file",
        "filename",
        "length",
        "lifetime",
        "mode",
        "name",
        "namespace",
        "path",
        "prefix",
        "ref",
        "review",
        "seconds",
        "size",
        "timeout",
        "ttl",
        "type",
    }
)
"""A name that ends so is about a secret, and isn't one: TOKEN_FILE, secretName, PASSWORD_LENGTH."""
_REFERENCE = re.compile(r"^(?:\$\([^)]*\)|\$\{[^}]*\}|\$[A-Za-z_]\w*)$")
_FLAG = re.compile(r"^(--?[A-Za-z][\w.-]*)=(.+)$", re.DOTALL)
_ARGUMENTS = frozenset({"args", "command", "additionalArgs"})
_UNREAD = frozenset({"CustomResourceDefinition"})
"""Large, and all schema."""


def is_secret(body: Mapping[str, Any]) -> bool:
    """Whether an object is a core Secret."""
    return body.get("kind") == "Secret" and body.get("apiVersion", "v1") == "v1"


@lru_cache(maxsize=4096)
def field_name(name: str) -> bool:
    """Whether a field (also an annotation or a key of a ConfigMap) of this name holds a secret."""
    words = _words(name)
    if not words:
        return False
    return words[-1] in _NOUNS or (words[-1] == "key" and len(words) > 1 and words[-2] in _KINDS_OF_KEY)


@lru_cache(maxsize=4096)
def variable_name(name: str) -> bool:
    """Whether an environment variable, header or flag of this name holds a secret: these names are freer."""
    words = _words(name)
    if not words or words[-1] in _ABOUT:
        return False
    joined = "".join(words)
    return "key" in words or joined.endswith("key") or any(part in joined for part in _SPEAKING)


def _words(name: str) -> List[str]:
    return [word.lower() for word in _SEPARATORS.split(_HUMPS.sub("_", name)) if word]


def fields(body: Object) -> Iterator[Field]:
    """(path, value) of everything secret in an object; what kubectl kept of it counts as a whole."""
    if is_secret(body):
        for part in ("data", "stringData"):
            values = body.get(part)
            if isinstance(values, dict):
                yield from (((part, key), str(value)) for key, value in values.items() if value is not None)
    if body.get("kind") in _UNREAD:
        return
    for key, value in body.items():
        if not (is_secret(body) and key in ("data", "stringData")):
            yield from _below(value, (key,))


def _below(value: Any, path: Path) -> Iterator[Field]:
    if isinstance(value, dict):
        yield from _mapping(value, path)
    elif isinstance(value, list):
        flags = path[-1] in _ARGUMENTS
        for index, item in enumerate(value):
            if isinstance(item, (dict, list)):
                yield from _below(item, (*path, index))
            elif flags and isinstance(item, str):
                yield from _argument(value, index, (*path, index))


def _mapping(value: Mapping[str, Any], path: Path) -> Iterator[Field]:
    named = value.get("name")
    pair = isinstance(named, str) and variable_name(named)
    for key, item in value.items():
        if pair and key == "value":
            yield from _leaves(item, (*path, key))
        elif isinstance(item, (dict, list)):
            yield from _below(item, (*path, key))
        elif isinstance(item, str) and item and (key == LAST_APPLIED or (field_name(str(key)) and _telling(item))):
            yield (*path, key), item


def _leaves(value: Any, path: Path) -> Iterator[Field]:
    """All of a variable's value: one of the wrong type is refused in words that repeat it."""
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(item, (*path, key))
    elif value is not None and _telling(str(value)) and str(value):
        yield path, str(value)


def _argument(values: List[Any], index: int, path: Path) -> Iterator[Field]:
    text = values[index]
    match = _FLAG.match(text)
    if match is not None:
        if variable_name(match.group(1)) and _telling(match.group(2)):
            yield path, text
        return
    before = values[index - 1] if index else None
    bare = isinstance(before, str) and before.startswith("-") and "=" not in before
    if bare and not text.startswith("-") and variable_name(str(before)) and _telling(text):
        yield path, text


def _telling(value: str) -> bool:
    """Whether a value says anything: a reference to another variable doesn't, nor does a truth value."""
    return value.lower() not in ("true", "false") and not _REFERENCE.match(value)


def value_of(field: Field) -> str:
    """The secret part of a field: what comes after the flag in an argument."""
    path, value = field
    match = _FLAG.match(value) if len(path) > 1 and path[-2] in _ARGUMENTS else None
    return match.group(2) if match else value
