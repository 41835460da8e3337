# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Secret values out of everything that is shown."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from typing import Any, Dict, Iterable, List, Mapping, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HIDDEN = "********"
_TOKENS = re.compile(r"[^\s\"',]*\d[^\s\"',]{15,}|[^\s\"',]{15,}\d[^\s\"',]*")
"""What may be a key or an address inside a whole file: long, and with a digit."""


def is_secret(body: Mapping[str, Any]) -> bool:
    """Whether an object is a core Secret."""
    return body.get("kind") == "Secret" and body.get("apiVersion", "v1") == "v1"


def masked_pair(before: Object, after: Object) -> List[Object]:
    """Copies of two versions of an object with values hidden; a changed value shows as changed, nothing more."""
    return [_masked(before, after, "before"), _masked(after, before, "after")]


def _masked(body: Object, other: Object, side: str) -> Object:
    if not body:
        return body
    copy = _without_last_applied(body)
    if not (is_secret(body) or is_secret(other)):
        return copy
    for key in ("data", "stringData"):
        values = copy.get(key)
        if isinstance(values, dict):
            theirs = other.get(key)
            theirs = theirs if isinstance(theirs, dict) else {}
            copy[key] = {name: _mark(value, theirs.get(name), side) for name, value in values.items()}
    return copy


def _mark(value: Any, other: Any, side: str) -> str:
    return HIDDEN if other is None or value == other else "%s (%s)" % (HIDDEN, side)


def _without_last_applied(body: Object) -> Object:
    annotations = (body.get("metadata") or {}).get("annotations") or {}
    if LAST_APPLIED not in annotations:
        return dict(body)
    metadata = dict(body["metadata"])
    metadata["annotations"] = {key: HIDDEN if key == LAST_APPLIED else value for key, value in annotations.items()}
    return {**body, "metadata": metadata}


def secret_values(bodies: Iterable[Mapping[str, Any]]) -> Set[str]:
    """All values of Secrets, encoded and decoded, for removal from messages."""
    values: Set[str] = set()
    for body in bodies:
        if not is_secret(body):
            continue
        for value in (body.get("stringData") or {}).values():
            values.add(str(value))
        for value in (body.get("data") or {}).values():
            values.add(str(value))
            with contextlib.suppress(binascii.Error, ValueError):
                values.add(base64.b64decode(str(value), validate=True).decode("utf-8"))
    inner = {token for value in values if "\n" in value for token in _TOKENS.findall(value)}
    return {value for value in values if len(value) >= 4} | inner


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in a text; longer ones first, so that no part of one is left."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def scrub_result(result: Mapping[str, Any], secrets: Iterable[str]) -> Dict[str, Any]:
    """Remove secrets from all free text of a task's result; names and kinds stay readable."""
    known = list(secrets)
    clean = dict(result)
    clean["warnings"] = [scrub(text, known) for text in result.get("warnings", [])]
    for key, field in (("objects", "reason"), ("problems", "message")):
        if key in result:
            clean[key] = [{**entry, field: scrub(entry[field], known)} for entry in result[key]]
    return clean
