# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A site's changes to rendered objects, merged by kind and name."""

from __future__ import annotations

import difflib
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest

SOURCE = "overrides"


def merge(base: Any, change: Any) -> Any:
    """Deep merge as in RFC 7396: mappings merge, null removes, everything else (lists too) is replaced."""
    if not isinstance(change, dict):
        return change
    merged: Dict[str, Any] = dict(base) if isinstance(base, dict) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def apply(manifests: Sequence[Manifest], overrides: Sequence[Mapping[str, Any]]) -> List[Problem]:
    """Merge every override into the objects it names, in place; return what is wrong with the overrides."""
    problems: List[Problem] = []
    for index, override in enumerate(overrides):
        where = "%s[%d]" % (SOURCE, index)
        matched = [manifest for manifest in manifests if _matches(manifest, override)]
        if not matched:
            problems.append(Problem(_unmatched(manifests, override), where, _label(override)))
        for manifest in matched:
            before = manifest.id
            changed = merge(manifest.body, override.get("merge") or {})
            if Manifest(changed).id != before:
                problems.append(Problem("an override can't change what an object is called", where, str(before)))
                continue
            manifest.body = changed
    return problems


def _matches(manifest: Manifest, override: Mapping[str, Any]) -> bool:
    identity = manifest.id
    wanted = {
        "kind": identity.kind,
        "name": identity.name,
        "namespace": identity.namespace,
        "api_version": str(manifest.body.get("apiVersion", "")),
    }
    return all(not override.get(key) or override[key] == value for key, value in wanted.items())


def _label(override: Mapping[str, Any]) -> str:
    namespace = str(override.get("namespace") or "")
    return "%s %s%s" % (override.get("kind"), namespace + "/" if namespace else "", override.get("name"))


def _unmatched(manifests: Sequence[Manifest], override: Mapping[str, Any]) -> str:
    known = ["%s %s" % (manifest.id.kind, manifest.id.name) for manifest in manifests]
    near = difflib.get_close_matches("%s %s" % (override.get("kind"), override.get("name")), known, n=1, cutoff=0.5)
    rest = "did you mean %s?" % near[0] if near else "the set has: %s" % (", ".join(sorted(known)) or "nothing")
    return "no object of the set has this kind and name; " + rest
