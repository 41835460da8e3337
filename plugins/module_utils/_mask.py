# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Secret values out of everything that is shown: fields of objects by their names, texts by the values themselves."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Set
from urllib.parse import quote, quote_plus

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _secret_fields
from ansible_collections.openhands.gpu_observability.plugins.module_utils._secret_fields import (
    LAST_APPLIED,
    is_secret,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

__all__ = ["HIDDEN", "LAST_APPLIED", "hidden", "is_secret", "masked_pair", "scrub", "scrub_result", "secret_values"]

HIDDEN = "********"
_SHORTEST = 4
"""Shorter values of Secrets are words of any text."""
_SHORTEST_ELSEWHERE = 8
_TOKENS = re.compile(r"[^\s\"',]*\d[^\s\"',]{15,}|[^\s\"',]{15,}\d[^\s\"',]*")
"""What may be a key or an address inside a whole file: long, and with a digit."""
_USER_INFO = re.compile(r"(?<=://)([^/\s@:]*):([^/\s@]+)@")
"""A password in an address."""


def masked_pair(before: Object, after: Object) -> List[Object]:
    """Copies of two versions of an object with values hidden; a changed value shows as changed, nothing more."""
    return [_masked(before, after, "before"), _masked(after, before, "after")]


def _masked(body: Object, other: Object, side: str) -> Object:
    whole = is_secret(body) or is_secret(other)
    theirs = dict(_secret_fields.fields({**other, "kind": "Secret", "apiVersion": "v1"} if whole and other else other))
    seen = {**body, "kind": "Secret", "apiVersion": "v1"} if whole and body else body
    marks = {}
    for path, value in _secret_fields.fields(seen):
        changed = path in theirs and theirs[path] != value and path[-1] != LAST_APPLIED
        marks[path] = _mark(path, value, " (%s)" % side if changed else "")
    return _replaced(body, marks)


def _mark(path: _secret_fields.Path, value: str, remark: str = "") -> str:
    """What is shown in a secret's place; the name of a flag stays."""
    return value[: len(value) - len(_secret_fields.value_of((path, value)))] + HIDDEN + remark


def hidden(body: Object) -> Object:
    """A copy with every secret field hidden; the object itself where it has none."""
    marks = {path: _mark(path, value) for path, value in _secret_fields.fields(body)}
    return _replaced(body, marks) if marks else body


def _replaced(body: Object, marks: Mapping[_secret_fields.Path, str]) -> Object:
    copy: Object = dict(body)
    for path, mark in marks.items():
        holder: Any = copy
        for step in path[:-1]:
            holder[step] = dict(holder[step]) if isinstance(holder[step], dict) else list(holder[step])
            holder = holder[step]
        holder[path[-1]] = mark
    return copy


def without_last_applied(body: Object) -> Object:
    """A copy without what kubectl kept; the object itself where it kept nothing."""
    annotations = (body.get("metadata") or {}).get("annotations") or {}
    if LAST_APPLIED not in annotations:
        return body
    rest = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    metadata = {key: value for key, value in body["metadata"].items() if key != "annotations"}
    return {**body, "metadata": {**metadata, "annotations": rest} if rest else metadata}


def secret_values(bodies: Iterable[Mapping[str, Any]]) -> Set[str]:
    """All secret values of objects in every form a message may have them, for scrub."""
    values: Set[str] = set()
    for body in bodies:
        for field in _secret_fields.fields(dict(body)):
            path, text = field
            if path[-1] == LAST_APPLIED:
                continue
            if is_secret(body) and path[0] in ("data", "stringData"):
                values |= {form for form in (text, _decoded(text) if path[0] == "data" else None) if form}
            elif len(_secret_fields.value_of(field)) >= _SHORTEST_ELSEWHERE:
                values.add(_secret_fields.value_of(field))
    return forms(value for value in values if len(value) >= _SHORTEST)


def forms(values: Iterable[str]) -> Set[str]:
    """Values with their parts, and each as it looks in base64, in an address and in JSON."""
    plain = set(values)
    plain |= {token for value in plain if "\n" in value for token in _TOKENS.findall(value)}
    found = set(plain)
    for value in plain:
        found |= {quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1]}
        if len(value) >= _SHORTEST_ELSEWHERE:
            found.update(_in_base64(value))
    return found


def _in_base64(value: str) -> Iterator[str]:
    """What base64 makes of a value, alone and at three places in something longer, without what neighbours change."""
    raw = value.encode("utf-8", "surrogatepass")
    yield base64.b64encode(raw).decode("ascii")
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw).decode("ascii")
        whole = (shift + len(raw)) // 3 * 4
        inner = text[4 if shift else 0 : whole]
        if len(inner) >= _SHORTEST_ELSEWHERE:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")


def _decoded(text: str) -> Optional[str]:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in a text, and passwords in addresses; longer ones first, so that no part of one is left."""
    for secret in sorted((secret for secret in secrets if secret in text), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _USER_INFO.sub(r"\1:%s@" % HIDDEN, text) if "@" in text else text


def scrub_result(result: Mapping[str, Any], secrets: Iterable[str]) -> Dict[str, Any]:
    """Remove secrets from all free text of a task's result; names and kinds stay readable."""
    known = list(secrets)
    clean = dict(result)
    clean["warnings"] = [scrub(text, known) for text in result.get("warnings", [])]
    for key, field in (("objects", "reason"), ("problems", "message")):
        if key in result:
            clean[key] = [{**entry, field: scrub(entry[field], known)} for entry in result[key]]
    if "diff" in result:
        # A short or plain word of a Secret is a word of many an object.
        telling = [one for one in known if len(one) >= _SHORTEST_ELSEWHERE and any(c.isdigit() for c in one)]
        clean["diff"] = [{key: scrub(text, telling) for key, text in entry.items()} for entry in result["diff"]]
    return clean
