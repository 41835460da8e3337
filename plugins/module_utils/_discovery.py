# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What kinds a server serves, from two requests (aggregated discovery), older servers group by group."""

from __future__ import annotations

import difflib
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Mapping, Optional, Set, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object, Resource

ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)

Fetch = Callable[[str, Mapping[str, str]], Object]
"""GET a path with extra headers."""

Key = Tuple[str, str]
"""(api_version, kind)"""


def survey(fetch: Fetch) -> Tuple[Dict[Key, Resource], FrozenSet[str]]:
    """Ask for all kinds, and for the api_versions that the server can't speak for now (an APIService is down)."""
    found: Dict[Key, Resource] = {}
    stale: Set[str] = set()
    for root in ("/api", "/apis"):
        answer = fetch(root, {"Accept": ACCEPT})
        modern = answer.get("kind") == "APIGroupDiscoveryList"
        resources, missing = parse(answer) if modern else _legacy(root, answer, fetch)
        stale |= missing
        for resource in resources:
            found.setdefault((resource.api_version, resource.kind), resource)
    return found, frozenset(stale)


def parse(answer: Object) -> Tuple[List[Resource], Set[str]]:
    """Read an APIGroupDiscoveryList; a broken aggregated API has its last known resources, or none."""
    found: List[Resource] = []
    stale: Set[str] = set()
    for group in answer.get("items") or []:
        name = str((group.get("metadata") or {}).get("name") or "")
        for version in group.get("versions") or []:
            if version.get("freshness") == "Stale":
                stale.add("%s/%s" % (name, version.get("version")))
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
    return found, stale


def _legacy(root: str, answer: Object, fetch: Fetch) -> Tuple[List[Resource], Set[str]]:
    if root == "/api":
        versions = [("", str(version)) for version in answer.get("versions") or []]
    else:
        versions = [
            (str(group.get("name")), str(version.get("version")))
            for group in answer.get("groups") or []
            for version in group.get("versions") or []
        ]
    found: List[Resource] = []
    stale: Set[str] = set()
    for group, version in versions:
        path = "%s/%s/%s" % (root, group, version) if group else "%s/%s" % (root, version)
        try:
            listing = fetch(path, {})
        except ApiError as error:
            if error.status == 503:  # an aggregated API that is down
                stale.add("%s/%s" % (group, version))
                continue
            if error.status == 404:  # gone since the groups were listed
                continue
            raise
        found += [_entry(group, version, item) for item in listing.get("resources") or [] if "/" not in item["name"]]
    return found, stale


def complaint(name: str, registration: Mapping[str, Any]) -> str:
    """Why an APIService isn't available; empty where it is, or where the server itself serves the group."""
    conditions = (registration.get("status") or {}).get("conditions") or []
    available = next((c for c in conditions if c.get("type") == "Available"), None)
    if available is None or available.get("status") == "True":
        return ""
    reason = ": ".join(str(available[key]) for key in ("reason", "message") if available.get(key))
    return "the APIService %s isn't available (%s)" % (name, reason)


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
