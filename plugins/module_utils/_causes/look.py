# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One look at the cluster: every list is read once, and what can't be read is left out."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _pages
from ansible_collections.openhands.gpu_observability.plugins.module_utils._mask import secret_values
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Client, Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    dig,
    items,
    mapping,
    name_of,
    text,
)

PLACES: Dict[str, Tuple[str, str]] = {
    "Deployment": ("apps/v1", "deployments"),
    "ReplicaSet": ("apps/v1", "replicasets"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "Job": ("batch/v1", "jobs"),
    "Pod": ("v1", "pods"),
    "Event": ("v1", "events"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "PersistentVolume": ("v1", "persistentvolumes"),
    "ConfigMap": ("v1", "configmaps"),
    "Secret": ("v1", "secrets"),
    "StorageClass": ("storage.k8s.io/v1", "storageclasses"),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions"),
}
"""Kind to API version and plural, for all that is looked at."""

Keep = Callable[[Object], bool]

LOG_TAIL = 5
LOG_BYTES = 8192


def path_to(kind: str, namespace: str = "", name: str = "") -> str:
    """The path of a kind's collection or of one object."""
    api_version, plural = PLACES[kind]
    root = ("/apis/" if "/" in api_version else "/api/") + api_version
    return "%s%s/%s%s" % (root, "/namespaces/" + namespace if namespace else "", plural, "/" + name if name else "")


class Look:
    """Reads what explains a stuck object. secrets: values never to be shown."""

    def __init__(self, client: Client, secrets: Sequence[str] = ()) -> None:
        self._client = client
        self._secrets = list(secrets)
        self._lists: Dict[Tuple[str, ...], Optional[List[Object]]] = {}

    def read(self, kind: str, namespace: str = "", **query: str) -> Optional[List[Object]]:
        """A list; None where it can't be read."""
        key = (kind, namespace, *sorted("%s=%s" % pair for pair in query.items()))
        if key not in self._lists:
            self._lists[key] = self._read(kind, namespace, query)
        return self._lists[key]

    def _read(self, kind: str, namespace: str, query: Mapping[str, str]) -> Optional[List[Object]]:
        try:
            answer = self._client.get(path_to(kind, namespace), dict(query))
        except ApiError:
            return None
        # The items of a list say neither their kind nor their version.
        return [{"apiVersion": PLACES[kind][0], "kind": kind, **item} for item in items(answer, "items")]

    def list(self, kind: str, namespace: str = "", **query: str) -> List[Object]:
        """A list; empty where it can't be read."""
        return self.read(kind, namespace, **query) or []

    def one(self, kind: str, namespace: str, name: str) -> Optional[Object]:
        """One object; None where it doesn't exist or can't be read."""
        try:
            return {"apiVersion": PLACES[kind][0], "kind": kind, **self._client.get(path_to(kind, namespace, name))}
        except ApiError:
            return None

    def owned(self, kind: str, owner: Object, selector: str = "", keep: Optional[Keep] = None) -> List[Object]:
        """The objects of a kind that belong to another, by owner reference; by name.

        selector: labels that all of them have. keep: whether one is of interest; the others aren't held in memory.
        """
        namespace, uid = text(owner, "metadata", "namespace"), text(owner, "metadata", "uid")
        if not uid:
            return []
        found = self._paged(kind, namespace, selector) if selector else self.list(kind, namespace)
        mine = (
            item for item in found if any(text(ref, "uid") == uid for ref in items(item, "metadata", "ownerReferences"))
        )
        return sorted((item for item in mine if keep is None or keep(item)), key=name_of)

    def _paged(self, kind: str, namespace: str, selector: str) -> Iterator[Object]:
        """A long list; it ends where it can't be read on."""
        found = _pages.objects(self._client, path_to(kind, namespace), {"labelSelector": selector})
        with suppress(ApiError):
            for item in found:
                metadata = {key: value for key, value in mapping(item, "metadata").items() if key != "managedFields"}
                yield {"apiVersion": PLACES[kind][0], "kind": kind, **item, "metadata": metadata}

    def everywhere(self, kind: str, keep: Keep) -> Optional[List[Object]]:
        """Those of all namespaces that are of interest, always the same ones; None where they can't be read."""
        key = (kind, "everywhere")
        if key not in self._lists:
            try:
                found = _pages.objects(self._client, path_to(kind))
                named = ({"apiVersion": PLACES[kind][0], "kind": kind, **item} for item in found)
                self._lists[key] = [one for one in named if keep(one)]
            except ApiError:
                self._lists[key] = None
        return self._lists[key]

    def events(self, obj: Object) -> List[Object]:
        """An object's events, oldest first."""
        uid = text(obj, "metadata", "uid")
        namespace = text(obj, "metadata", "namespace") or "default"
        if not uid:
            return []
        return sorted(self.list("Event", namespace, fieldSelector="involvedObject.uid=%s" % uid), key=_when)

    def last_line(self, pod: Object, container: str, previous: bool) -> str:
        """The last line of a container's log as it is, secrets and all; empty where there is none."""
        namespace = text(pod, "metadata", "namespace")
        query = {"container": container, "tailLines": str(LOG_TAIL), "limitBytes": str(LOG_BYTES)}
        if previous:
            query["previous"] = "true"
        try:
            log = self._client.text(path_to("Pod", namespace, name_of(pod)) + "/log", query)
        except ApiError:
            return ""
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def secrets_of(self, pod: Object) -> Optional[List[str]]:
        """The values of all Secrets a pod uses; None if one of them is kept from us."""
        values = list(self._secrets)
        for name in sorted(secrets_used(pod)):
            try:
                secret = self._client.get(path_to("Secret", text(pod, "metadata", "namespace"), name))
            except ApiError as error:
                if error.status != 404:
                    return None
            else:
                values += secret_values([{"apiVersion": "v1", "kind": "Secret", **secret}])
        return values


def secrets_used(pod: Object) -> List[str]:
    """The names of the Secrets that a pod's containers can read."""
    names: List[Any] = []
    for container in items(pod, "spec", "initContainers") + items(pod, "spec", "containers"):
        names += [dig(source, "secretRef", "name") for source in items(container, "envFrom")]
        names += [dig(entry, "valueFrom", "secretKeyRef", "name") for entry in items(container, "env")]
    for volume in items(pod, "spec", "volumes"):
        names.append(dig(volume, "secret", "secretName"))
        names += [dig(source, "secret", "name") for source in items(mapping(volume, "projected"), "sources")]
    return sorted({name for name in names if isinstance(name, str) and name})


def _when(event: Mapping[str, Any]) -> str:
    return (
        text(event, "series", "lastObservedTime")
        or text(event, "lastTimestamp")
        or text(event, "eventTime")
        or text(event, "metadata", "creationTimestamp")
    )
