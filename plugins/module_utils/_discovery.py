# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What kinds a server serves, from two requests (aggregated discovery), older servers group by group."""

from __future__ import annotations

import difflib
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object, Resource

ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)

Fetch = Callable[[str, Mapping[str, str]], Object]
"""GET a path with extra headers."""

Key = Tuple[str, str]
"""(api_version, kind)"""


def discover(fetch: Fetch) -> Dict[Key, Resource]:
    """Ask the server for all its kinds."""
    found: Dict[Key, Resource] = {}
    for root in ("/api", "/apis"):
        answer = fetch(root, {"Accept": ACCEPT})
        resources = parse(answer) if answer.get("kind") == "APIGroupDiscoveryList" else _legacy(root, answer, fetch)
        for resource in resources:
            found.setdefault((resource.api_version, resource.kind), resource)
    return found


def parse(answer: Object) -> List[Resource]:
    """Read an APIGroupDiscoveryList; a broken aggregated API has no resources and hides nothing else."""
    found: List[Resource] = []
    for group in answer.get("items") or []:
        name = str((group.get("metadata") or {}).get("name") or "")
        for version in group.get("versions") or []:
            for entry in version.get("resources") or []:
                kind = entry.get("responseKind") or {}
                found.append(
                    Resource(
                        group=name,
                        version=str(version.get("version")),
                        kind=str(kind.get("kind") or ""),
                        plural=str(entry.get("resource")),
                        namespaced=entry.get("scope") == "Namespaced",
                        verbs=frozenset(entry.get("verbs") or ()),
                    )
                )
    return found


def _legacy(root: str, answer: Object, fetch: Fetch) -> List[Resource]:
    if root == "/api":
        versions = [("", str(version)) for version in answer.get("versions") or []]
    else:
        versions = [
            (str(group.get("name")), str(version.get("version")))
            for group in answer.get("groups") or []
            for version in group.get("versions") or []
        ]
    found: List[Resource] = []
    for group, version in versions:
        path = "%s/%s/%s" % (root, group, version) if group else "%s/%s" % (root, version)
        try:
            listing = fetch(path, {})
        except ApiError as error:
            if error.status in (404, 503):  # an aggregated API that is down
                continue
            raise
        found += [_entry(group, version, item) for item in listing.get("resources") or [] if "/" not in item["name"]]
    return found


def _entry(group: str, version: str, item: Mapping[str, Any]) -> Resource:
    return Resource(
        group=group,
        version=version,
        kind=str(item.get("kind")),
        plural=str(item["name"]),
        namespaced=bool(item.get("namespaced")),
        verbs=frozenset(item.get("verbs") or ()),
    )


def hint(api_version: str, kind: str, served: Iterable[Resource]) -> str:
    """Say what an unknown kind may have meant; empty where nothing comes near."""
    resources = list(served)
    same_kind = sorted({r.api_version for r in resources if r.kind == kind})
    if same_kind:
        return "this server has %s in %s" % (kind, ", ".join(same_kind))
    kinds = sorted({r.kind for r in resources if r.api_version == api_version})
    near: Optional[List[str]] = difflib.get_close_matches(kind, kinds, n=1) if kinds else None
    if near:
        return "did you mean %s?" % near[0]
    if kinds:
        return "%s has: %s" % (api_version, ", ".join(kinds))
    group = api_version.rpartition("/")[0]
    if "." in group and not group.endswith(".k8s.io"):
        return "its CustomResourceDefinition isn't installed: roll out the component that brings it first"
    return ""
