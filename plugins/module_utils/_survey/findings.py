# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What was found in a cluster: facts about one thing each. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _downgrade, _owner, _podspec
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey.signatures import (
    SIGNATURES,
    Signature,
    containers,
    main_container,
    recognise,
    version_of,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

_LISTEN = re.compile(r"--web\.listen-address=\S*:(?P<port>\d+)$")


@dataclass(frozen=True)
class Finding:
    """One thing that isn't ours. ``pods`` says how its metrics are reached: labels, port, scheme."""

    product: str
    role: str
    kind: str
    namespace: str
    name: str
    owner: str = ""
    version: str = ""
    managers: Tuple[str, ...] = ()
    active: bool = True
    """Whether pods of it are meant to run."""
    ready: bool = True
    arguments: Tuple[str, ...] = ()
    host_ports: Tuple[int, ...] = ()
    pods: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Kind, namespace and name."""
        return "%s %s%s" % (self.kind, self.namespace + "/" if self.namespace else "", self.name)


def _owner_text(body: Mapping[str, Any]) -> str:
    found = _owner.owner(body)
    return str(found) if found else ""


def workload(body: Object, wanted_ports: Mapping[int, str]) -> Optional[Finding]:
    """A workload that is a known product, or that holds a port of the host that a role of ours needs."""
    if _owner.ours(body):
        return None
    signature = recognise(body)
    ports = host_ports(body)
    needing = sorted({wanted_ports[port] for port in ports if port in wanted_ports})
    if signature is None and not (needing and body.get("kind") == "DaemonSet"):
        return None
    metadata = body["metadata"]
    container = main_container(body, signature) if signature else None
    image = str((container or {}).get("image") or "")
    labels = metadata.get("labels") or {}
    return Finding(
        product=signature.name if signature else "a program on the host's ports",
        role=signature.role if signature else needing[0],
        kind=str(body["kind"]),
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata["name"]),
        owner=_owner_text(body),
        version=version_of(image) or str(labels.get("app.kubernetes.io/version") or "").lstrip("v"),
        managers=tuple(_owner.managers(body)),
        active=(body.get("spec") or {}).get("replicas") != 0,
        ready=_ready(body),
        arguments=_arguments(container or {}),
        host_ports=tuple(sorted(ports)),
        pods=_pods(body, signature, container) if signature and container else {},
    )


def host_ports(body: Mapping[str, Any]) -> Set[int]:
    """Ports of the node that a workload's pods take."""
    spec = _podspec.pod_spec(body) or {}
    on_host = bool(spec.get("hostNetwork"))
    found: Set[int] = set()
    for container in containers(body):
        for port in container.get("ports") or ():
            number = port.get("hostPort") or (port.get("containerPort") if on_host else None)
            if isinstance(number, int):
                found.add(number)
        for argument in container.get("args") or () if on_host else ():
            match = _LISTEN.search(str(argument))
            if match and "127.0.0.1" not in str(argument):
                found.add(int(match.group("port")))
    return found


def _arguments(container: Mapping[str, Any]) -> Tuple[str, ...]:
    return tuple(str(part) for key in ("command", "args") for part in container.get(key) or ())


def _ready(body: Mapping[str, Any]) -> bool:
    """Whether any pod of it is ready."""
    status = body.get("status") or {}
    return any(status.get(key) for key in ("availableReplicas", "readyReplicas", "numberAvailable", "numberReady"))


def _pods(body: Mapping[str, Any], signature: Signature, container: Mapping[str, Any]) -> Dict[str, Any]:
    selector = (body.get("spec") or {}).get("selector") or {}
    by_name = {str(port.get("name")): port for port in container.get("ports") or () if port.get("name")}
    for other in containers(body):  # a proxy before it may be what serves
        for port in other.get("ports") or ():
            by_name.setdefault(str(port.get("name")), port)
    name = next((name for name in signature.ports if name in by_name), "")
    labels = selector.get("matchLabels") or {}
    if not name or not labels or selector.get("matchExpressions"):
        return {}
    return {"labels": dict(labels), "port": name, "scheme": "https" if name.startswith("https") else "http"}


def namesake(body: Object, role: str) -> Optional[Finding]:
    """An object with the name of one that a role of ours makes, if somebody else has it."""
    owner = _owner.owner(body, role)
    if owner is None:
        return None
    metadata = body["metadata"]
    labels = metadata.get("labels") or {}
    return Finding(
        "the name of ours",
        role,
        str(body["kind"]),
        str(metadata.get("namespace") or ""),
        str(metadata["name"]),
        owner=str(owner),
        version=str(labels.get("app.kubernetes.io/version") or "").lstrip("v"),
        managers=tuple(_owner.managers(body)),
    )


def instance(body: Object, signature: Signature) -> Optional[Finding]:
    """An object of a custom kind that is somebody else's instance of the product."""
    if _owner.ours(body):
        return None
    metadata = body["metadata"]
    return Finding(
        signature.name,
        signature.role,
        str(body["kind"]),
        str(metadata.get("namespace") or ""),
        str(metadata["name"]),
        owner=_owner_text(body),
        version=str((body.get("spec") or {}).get("version") or "").lstrip("v"),
        managers=tuple(_owner.managers(body)),
    )


def definitions(bodies: Sequence[Object], signature: Signature) -> Optional[Finding]:
    """The definitions of a product that aren't ours, as one thing; the first that has an owner names it."""
    foreign = [body for body in bodies if not _owner.ours(body)]
    if not foreign:
        return None
    owners = [text for text in (_owner_text(body) for body in foreign) if text]
    releases = sorted({text for text in (_downgrade.release_of(body) for body in foreign) if text})
    names = sorted(str(body["metadata"]["name"]) for body in foreign)
    managers: List[str] = []
    for body in foreign:
        managers += [name for name in _owner.managers(body) if name not in managers]
    title = names[0] if len(names) == 1 else "%s and %d more" % (names[0], len(names) - 1)
    return Finding(
        signature.name,
        signature.role,
        "CustomResourceDefinition",
        "",
        title,
        owner=owners[0] if owners else "",
        version=", ".join(releases),
        managers=tuple(managers),
    )


def webhook(body: Object) -> Optional[Finding]:
    """An admission webhook that speaks for the kinds of a known product."""
    if _owner.ours(body):
        return None
    groups = {
        str(group)
        for hook in body.get("webhooks") or ()
        for rule in hook.get("rules") or ()
        for group in rule.get("apiGroups") or ()
    }
    for signature in SIGNATURES:
        if groups.intersection(signature.groups):
            metadata = body["metadata"]
            version = str((metadata.get("labels") or {}).get("app.kubernetes.io/version") or "")
            owner, managers = _owner_text(body), tuple(_owner.managers(body))
            return Finding(
                signature.name, signature.role, str(body["kind"]), "", str(metadata["name"]), owner, version, managers
            )
    return None
