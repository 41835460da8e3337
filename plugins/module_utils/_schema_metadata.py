# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What every object's metadata may hold. The server checks this by its own rules, whatever a definition says."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._schema_values import shown

_TEXT, _MAP, _LIST = str, dict, list
_FIELDS: Dict[str, type] = {
    "name": _TEXT,
    "generateName": _TEXT,
    "namespace": _TEXT,
    "labels": _MAP,
    "annotations": _MAP,
    "finalizers": _LIST,
    "ownerReferences": _LIST,
    "deletionGracePeriodSeconds": int,
    "creationTimestamp": _TEXT,
    "deletionTimestamp": _TEXT,
    "generation": int,
    "managedFields": _LIST,
    "resourceVersion": _TEXT,
    "selfLink": _TEXT,
    "uid": _TEXT,
}
_WORDS = {str: "text", dict: "a mapping", list: "a list", int: "an integer"}
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_LABEL_PART = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_NAME_LENGTH, _PREFIX_LENGTH, _LABEL_LENGTH = 253, 253, 63
_ANNOTATION_BYTES = 256 * 1024


def metadata_faults(metadata: Any, path: str) -> List[Tuple[str, str]]:
    """Faults of one metadata block; none at all is no fault here."""
    if metadata is None:
        return []
    if not isinstance(metadata, dict):
        return [(path, "must be a mapping, not %s" % shown(metadata))]
    found: List[Tuple[str, str]] = []
    for name, value in metadata.items():
        wanted = _FIELDS.get(name)
        if wanted is None:
            found.append(("%s.%s" % (path, name), "is not a field of metadata"))
        elif not isinstance(value, wanted) or isinstance(value, bool):
            found.append(("%s.%s" % (path, name), "must be %s, not %s" % (_WORDS[wanted], shown(value))))
    for kind in ("labels", "annotations"):
        entries = metadata.get(kind)
        if isinstance(entries, dict):
            found += _entries(entries, "%s.%s" % (path, kind), labels=kind == "labels")
    return found


def name_fault(name: str) -> str:
    """Why a name isn't one that custom objects can have; empty where it is (a DNS subdomain, RFC 1123)."""
    if len(name) > _NAME_LENGTH:
        return "has %d characters, at most %d are allowed" % (len(name), _NAME_LENGTH)
    if _SUBDOMAIN.match(name):
        return ""
    return "%s must consist of lower-case letters, digits, - and ., and begin and end with a letter or digit" % shown(
        name
    )


def _entries(entries: Dict[str, Any], path: str, labels: bool) -> List[Tuple[str, str]]:
    found: List[Tuple[str, str]] = []
    for key, value in entries.items():
        where = "%s[%s]" % (path, key)
        if not _key(str(key)):
            found.append((where, "isn't a name that labels and annotations can have"))
        if not isinstance(value, str):
            found.append((where, "must be text, not %s: put it in quotes" % shown(value)))
        elif labels and value and (len(value) > _LABEL_LENGTH or not _LABEL_PART.match(value)):
            text = "%s must be at most %d letters, digits, -, _ and ., and begin and end with a letter or digit"
            found.append((where, text % (shown(value), _LABEL_LENGTH)))
    size = sum(len(str(key)) + len(str(value).encode("utf-8", "surrogatepass")) for key, value in entries.items())
    if not labels and size > _ANNOTATION_BYTES:
        found.append((path, "hold %d bytes, at most %d are allowed" % (size, _ANNOTATION_BYTES)))
    return found


def _key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > _PREFIX_LENGTH or not _SUBDOMAIN.match(prefix)):
        return False
    return len(name) <= _LABEL_LENGTH and _LABEL_PART.match(name) is not None
