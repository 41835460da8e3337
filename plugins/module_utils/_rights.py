# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which rights a plan needs, and how the rules that grant them are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Sequence, Set, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _leases
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request, inventory_name
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Change

RBAC = "rbac.authorization.k8s.io"
APPLY = ("create", "patch")
"""Server-side apply of an object that isn't there yet needs both."""
LOOK = ("get", "list", "watch")


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one kind, in a namespace (empty for all of them) and on a name (empty for any)."""

    namespace: str
    group: str
    resource: str
    verb: str
    name: str = ""

    def __str__(self) -> str:
        kind = "%s.%s" % (self.resource, self.group) if self.group else self.resource
        return "%s %s%s" % (self.verb, kind, " " + self.name if self.name else "")

    @property
    def any_name(self) -> Right:
        """The same on every name."""
        return Right(self.namespace, self.group, self.resource, self.verb)

    def attributes(self) -> Dict[str, str]:
        """As an access review asks for it."""
        resource, _slash, subresource = self.resource.partition("/")
        asked = {"namespace": self.namespace, "group": self.group, "resource": resource, "verb": self.verb}
        return {**asked, **({"subresource": subresource} if subresource else {}), "name": self.name}


EVERYTHING = Right("", "*", "*", "*")
"""What a cluster administrator may."""


def needed(items: Sequence[Item], request: Request) -> List[Right]:
    """Rights for what is about to be written. What a dry run showed already isn't asked again; none: no write comes."""
    busy = [item for item in items if item.change in (Change.CREATED, Change.CONFIGURED, Change.DELETED)]
    if not busy:
        return []
    found: Set[Right] = set(_own(request))
    for item in busy:
        if item.change is Change.DELETED or item.recreate:
            found |= set(_on(item, ("delete",)))
        if item.change is not Change.DELETED and (item.planned is None or item.recreate):
            found |= set(_on(item, APPLY if item.live is None or item.recreate else ("patch",)))
    return sorted(found)


def whole(items: Sequence[Item], request: Request) -> List[Right]:
    """Rights for the whole set, from nothing: for a run that was refused before it had a plan."""
    found: Set[Right] = set(_own(request))
    for item in items:
        found |= set(_on(item, ("get", *APPLY) if request.present else ("get", "delete")))
    return sorted(found)


def _own(request: Request) -> Iterator[Right]:
    """The component's record and its Lease."""
    namespace, record = request.inventory_namespace, inventory_name(request.component)
    for verb in ("get", *APPLY) if request.present else ("get", "delete"):
        yield Right(namespace, "", "configmaps", verb, record)
    for verb in _leases.VERBS:
        yield Right(namespace, "coordination.k8s.io", "leases", verb, _leases.name_of(request.component))


def _on(item: Item, verbs: Iterable[str]) -> Iterator[Right]:
    if item.resource is not None:
        for verb in verbs:
            yield Right(item.id.namespace, item.id.group, item.resource.plural, verb, item.id.name)


@dataclass(frozen=True)
class Grant:
    """A role or a binding in the set: the server lets nobody hand out rights that they lack."""

    item: Item
    either: Right
    """With this right anything may be handed out."""
    handed_out: Tuple[Right, ...]
    """Without it these must be held; none are known for a role outside the set."""


def grants(items: Sequence[Item], unproven: bool) -> List[Grant]:
    """What the set hands out. unproven: whatever a dry run said."""
    roles = {
        (item.id.kind, item.id.namespace, item.id.name): item.manifest.body
        for item in items
        if item.id.group == RBAC and item.id.kind in ("Role", "ClusterRole")
    }
    found = []
    for item in items:
        checked = not unproven and (item.planned is not None or item.change in (Change.UNCHANGED, Change.DELETED))
        if item.id.group != RBAC or checked:
            continue
        namespace, body = item.id.namespace, item.manifest.body
        if item.id.kind in ("Role", "ClusterRole"):
            plural = "roles" if namespace else "clusterroles"
            either = Right(namespace, RBAC, plural, "escalate", item.id.name)
            found.append(Grant(item, either, tuple(sorted(_handed_out(body, namespace)))))
        else:
            reference = body.get("roleRef") or {}
            kind, name = str(reference.get("kind")), str(reference.get("name"))
            plural = "roles" if kind == "Role" else "clusterroles"
            role = roles.get((kind, namespace if kind == "Role" else "", name)) or {}
            either = Right(namespace, RBAC, plural, "bind", name)
            found.append(Grant(item, either, tuple(sorted(_handed_out(role, namespace)))))
    return found


def _handed_out(role: Mapping[str, Any], namespace: str) -> Iterator[Right]:
    for rule in role.get("rules") or ():
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                for verb in rule.get("verbs") or ():
                    for name in rule.get("resourceNames") or ("",):
                        yield Right(namespace, str(group), str(resource), str(verb), str(name))


def rules(rights: Iterable[Right]) -> str:
    """Rules to copy, into a Role for each namespace and a ClusterRole for the rest. Names are kept for handing out."""
    verbs: Dict[Tuple[str, str, str, str], Set[str]] = {}
    for right in rights:
        name = right.name if right.verb in ("escalate", "bind") else ""
        verbs.setdefault((right.namespace, right.group, right.resource, name), set()).add(right.verb)
    merged: Dict[Tuple[str, str, str, Tuple[str, ...]], List[str]] = {}
    for (namespace, group, resource, name), needed_verbs in sorted(verbs.items()):
        merged.setdefault((namespace, group, name, tuple(sorted(needed_verbs))), []).append(resource)
    lines: List[str] = []
    heading = None
    for (namespace, group, name, wanted), resources in sorted(merged.items()):
        if namespace != heading:
            lines.append("# Role in the namespace %s" % namespace if namespace else "# ClusterRole")
            heading = namespace
        lines.append('- apiGroups: ["%s"]' % group)
        lines.append("  resources: [%s]" % ", ".join(resources))
        if name:
            lines.append("  resourceNames: [%s]" % name)
        lines.append("  verbs: [%s]" % ", ".join(wanted))
    return "\n".join(lines)
