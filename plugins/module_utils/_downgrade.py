# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What would be lost if a definition that is in the cluster became ours: versions and fields that ours lacks."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Tuple

SHOWN = 5
"""So many fields are named, the rest counted."""


def lacking(live: Mapping[str, Any], ours: Mapping[str, Any]) -> List[str]:
    """Say what the live definition has and ours lacks, a sentence each; empty where ours can take its place.

    What a newer release of the same definition no longer has was given up by its makers: fields don't count then.
    """
    there, here = _versions(live), _versions(ours)
    newer = _numbers(release_of(ours)) > _numbers(release_of(live)) > ()
    stored = (live.get("status") or {}).get("storedVersions") or ()
    found = ["objects are stored in version %s, which ours lacks" % name for name in stored if name not in here]
    for name, version in sorted(there.items()):
        if not version.get("served", True):
            continue
        if not (here.get(name) or {}).get("served", name in here):
            if name not in stored or name in here:
                found.append("it serves version %s, which ours doesn't" % name)
            continue
        fields = [] if newer else sorted(_missing(_schema(version), _schema(here[name]), ""))
        if fields:
            more = " and %d more" % (len(fields) - SHOWN) if len(fields) > SHOWN else ""
            found.append("its version %s has fields that ours lacks: %s%s" % (name, ", ".join(fields[:SHOWN]), more))
    return found


def release_of(body: Mapping[str, Any]) -> str:
    """The release that a definition says it is from, or empty."""
    metadata = body.get("metadata") or {}
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    return str(annotations.get("operator.prometheus.io/version") or labels.get("app.kubernetes.io/version") or "")


def _numbers(release: str) -> Tuple[int, ...]:
    match = re.match(r"v?(\d+(?:\.\d+)*)", release)
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def _versions(body: Mapping[str, Any]) -> Dict[str, Mapping[str, Any]]:
    return {str(version.get("name")): version for version in (body.get("spec") or {}).get("versions") or ()}


def _schema(version: Mapping[str, Any]) -> Mapping[str, Any]:
    return (version.get("schema") or {}).get("openAPIV3Schema") or {}


def _missing(theirs: Any, mine: Any, path: str) -> Iterator[str]:
    """The topmost fields that only the first schema has."""
    if not isinstance(theirs, Mapping) or not isinstance(mine, Mapping):
        return
    if mine.get("x-kubernetes-preserve-unknown-fields"):
        return
    properties = mine.get("properties") or {}
    for name, schema in (theirs.get("properties") or {}).items():
        here = "%s.%s" % (path, name) if path else str(name)
        if name in properties:
            yield from _missing(schema, properties[name], here)
        elif not isinstance(mine.get("additionalProperties"), Mapping):
            yield here
    yield from _missing(theirs.get("items"), mine.get("items"), path + "[]")
    yield from _missing(theirs.get("additionalProperties"), mine.get("additionalProperties"), path + ".*")
