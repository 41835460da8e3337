# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which pods and which port a probe means: by pod, by service or by label selector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Sequence, Union

from ansible_collections.openhands.gpu_observability.plugins.module_utils._explain import explain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Client, Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import assess
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import is_true

Port = Union[int, str]


class Unreachable(Exception):
    """A probe got no answer.

    ``fatal`` says that asking again can't help, ``sent`` that a write may have arrived all the same.
    """

    def __init__(self, message: str, fatal: bool = False, sent: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal
        self.sent = sent


@dataclass(frozen=True)
class Place:
    """What a person names: one of pod, service or label_selector, and a port by number or name."""

    namespace: str
    port: Port
    pod: str = ""
    service: str = ""
    label_selector: str = ""

    def __str__(self) -> str:
        if self.pod:
            return "pod %s/%s" % (self.namespace, self.pod)
        if self.service:
            return "service %s/%s" % (self.namespace, self.service)
        return "pods %s in %s" % (self.label_selector, self.namespace)


@dataclass(frozen=True)
class PodPort:
    """One pod's port, ready to be asked."""

    namespace: str
    pod: str
    port: int

    def __str__(self) -> str:
        return "pod %s/%s port %d" % (self.namespace, self.pod, self.port)


def ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is Ready and stays."""
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        return False
    return is_true(pod, "Ready")


def pod_port(pod: Mapping[str, Any], port: Port) -> Optional[int]:
    """Resolve a port name by the pod's containers; a number stands for itself."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    spec = pod.get("spec") or {}
    for container in list(spec.get("containers") or []) + list(spec.get("initContainers") or []):
        for entry in container.get("ports") or []:
            if entry.get("name") == port:
                return int(entry["containerPort"])
    return None


def service_port(service: Mapping[str, Any], port: Port) -> Optional[Port]:
    """Resolve a service's port, by name or number, to its target port."""
    for entry in (service.get("spec") or {}).get("ports") or []:
        if str(port) in (str(entry.get("port")), entry.get("name")):
            target: Port = entry.get("targetPort") or entry["port"]
            return target
    return None


def selector_of(service: Mapping[str, Any]) -> str:
    """Return a service's selector as a query string, empty where it selects nothing."""
    selector = (service.get("spec") or {}).get("selector") or {}
    return ",".join("%s=%s" % pair for pair in sorted(selector.items()))


def find(client: Client, place: Place) -> List[PodPort]:
    """Return every ready pod of a place, by name. Raises Unreachable, saying what is missing."""
    port, candidates = place.port, []
    if place.service:
        service = _get(client, place, "services", place.service)
        target, selector = service_port(service, port), selector_of(service)
        if target is None:
            known = [_port_text(entry) for entry in (service.get("spec") or {}).get("ports") or []]
            raise Unreachable("%s has no port %s (it has %s)" % (place, port, ", ".join(known) or "none"))
        if not selector:
            raise Unreachable("%s selects no pods: it has no selector" % place, fatal=True)
        port, candidates = target, _list(client, place, selector)
    elif place.pod:
        candidates = [_get(client, place, "pods", place.pod)]
    else:
        candidates = _list(client, place, place.label_selector)
    return _usable(client, place, port, candidates)


def _usable(client: Client, place: Place, port: Port, candidates: Sequence[Object]) -> List[PodPort]:
    if not candidates:
        raise Unreachable("%s: no such pod" % place)
    steady = [pod for pod in candidates if ready(pod)]
    if not steady:
        first = candidates[0]
        body = {"apiVersion": "v1", "kind": "Pod", **first}  # a list leaves its items' kind out
        reason = explain(client, body) or assess(body).reason or "not ready"
        raise Unreachable("%s: no pod is ready (%s: %s)" % (place, first["metadata"]["name"], reason))
    found = []
    for pod in sorted(steady, key=lambda item: str(item["metadata"]["name"])):
        number = pod_port(pod, port)
        if number is None:
            raise Unreachable("%s: pod %s has no port named %s" % (place, pod["metadata"]["name"], port))
        found.append(PodPort(place.namespace, str(pod["metadata"]["name"]), number))
    return found


def _get(client: Client, place: Place, plural: str, name: str) -> Object:
    try:
        return client.get("/api/v1/namespaces/%s/%s/%s" % (place.namespace, plural, name))
    except ApiError as error:
        if error.status == 404:
            raise Unreachable("there is no %s" % place) from error
        raise refused(place, error) from error


def _list(client: Client, place: Place, selector: str) -> List[Object]:
    try:
        answer = client.get("/api/v1/namespaces/%s/pods" % place.namespace, {"labelSelector": selector})
    except ApiError as error:
        raise refused(place, error) from error
    items: List[Object] = answer.get("items") or []
    return items


def refused(place: object, error: ApiError) -> Unreachable:
    """Say what the API server refused; missing rights and credentials are final."""
    return Unreachable("%s: %s" % (place, error.message), fatal=error.status in (400, 401, 403))


def _port_text(entry: Mapping[str, Any]) -> str:
    return "%s %s" % (entry["name"], entry["port"]) if entry.get("name") else str(entry["port"])
