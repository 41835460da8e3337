# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Names that objects refer to, looked up in the set and in the cluster. A dry run doesn't see these."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _live, _parallel, _podspec
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object


class Reference(NamedTuple):
    """A name in one field of an object."""

    kind: str
    name: str
    field: str


_PATHS: Dict[str, str] = {
    "Secret": "/api/v1/namespaces/{namespace}/secrets/{name}",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps/{name}",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts/{name}",
}
_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


def check(client: EngineClient, items: Sequence[Item], check_mode: bool = False) -> Tuple[List[Problem], List[str]]:
    """Return what can't work (a StorageClass that isn't there) and what may come from elsewhere (warnings)."""
    problems = _storage_classes(client, items)
    if check_mode and problems and not _any_class(client):
        # A cluster without any storage is one whose storage is still to come.
        return [], ["%s." % problem for problem in problems] + _others(client, items)
    return problems, _others(client, items)


def _any_class(client: EngineClient) -> bool:
    return bool(client.get(_CLASSES, {"limit": "1"}).get("items"))


def _storage_classes(client: EngineClient, items: Sequence[Item]) -> List[Problem]:
    wanted = [(item, ref) for item in items if item.live is None for ref in storage_classes(item.manifest.body)]
    if not wanted:
        return []
    known = {item.id.name for item in items if item.id.kind == "StorageClass"}
    try:
        listing = client.get(_CLASSES).get("items") or []
    except ApiError as error:
        if classify(error) is Answer.FORBIDDEN:  # a namespaced user: the claim will tell
            return []
        raise
    known |= {str(entry["metadata"]["name"]) for entry in listing}
    have = ", ".join(sorted(known)) or "none"
    return [
        item.problem("no StorageClass %s in this cluster (it has: %s)" % (ref.name, have), ref.field)
        for item, ref in wanted
        if ref.name not in known
    ]


def _others(client: EngineClient, items: Sequence[Item]) -> List[str]:
    own = {(item.id.kind, item.id.namespace, item.id.name) for item in items}
    asked: Dict[Tuple[str, str, str], List[Tuple[Item, Reference]]] = {}
    for item in items:
        for reference in pod_references(item.manifest.body):
            key = (reference.kind, item.id.namespace, reference.name)
            if key not in own:
                asked.setdefault(key, []).append((item, reference))
    keys = sorted(asked)
    present = _parallel.each(lambda key: _exists(client, *key), keys)
    warnings = []
    for key, there in zip(keys, present):
        if there is False:
            kind, namespace, name = key
            item, reference = asked[key][0]
            text = "%s: %s: %s names the %s %s, which is neither in the namespace %s nor in the set."
            warnings.append(text % (item.source, item.id, reference.field, kind, name, namespace))
    return warnings


def _exists(client: EngineClient, kind: str, namespace: str, name: str) -> Optional[bool]:
    try:
        return _live.get(client, _PATHS[kind].format(namespace=namespace, name=name)) is not None
    except ApiError as error:
        if classify(error) is Answer.FORBIDDEN:
            return None
        raise


def storage_classes(body: Object) -> Iterator[Reference]:
    """Every storageClassName, in claims, claim templates and custom kinds alike."""
    if body.get("kind") in ("CustomResourceDefinition", "StorageClass", "PersistentVolume"):
        return
    yield from _named(body.get("spec"), "spec")


def _named(value: Any, path: str) -> Iterator[Reference]:
    if isinstance(value, dict):
        for key, item in value.items():
            here = "%s.%s" % (path, key)
            if key == "storageClassName" and isinstance(item, str) and item:
                yield Reference("StorageClass", item, here)
            else:
                yield from _named(item, here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _named(item, "%s[%d]" % (path, index))


def pod_references(body: Object) -> Iterator[Reference]:
    """What a workload's pods need to start: accounts, Secrets and ConfigMaps that aren't optional."""
    spec = _podspec.pod_spec(body)
    if spec is None:
        return
    account = spec.get("serviceAccountName")
    if account and account != "default":
        yield Reference("ServiceAccount", str(account), "serviceAccountName")
    for volume in spec.get("volumes") or ():
        if isinstance(volume, dict):
            yield from _volume(volume)
    for container in _podspec.containers(spec):
        where = "containers[%s]" % container.get("name")
        for variable in container.get("env") or ():
            source = variable.get("valueFrom") if isinstance(variable, dict) else None
            field = "%s.env[%s]" % (where, variable.get("name")) if isinstance(variable, dict) else where
            yield from _sources(source, (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")), field)
        for source in container.get("envFrom") or ():
            yield from _sources(source, (("secretRef", "Secret"), ("configMapRef", "ConfigMap")), where + ".envFrom")


def _volume(volume: Dict[str, Any]) -> Iterator[Reference]:
    field = "volumes[%s]" % volume.get("name")
    secret, config_map = volume.get("secret"), volume.get("configMap")
    if isinstance(secret, dict) and secret.get("secretName") and not secret.get("optional"):
        yield Reference("Secret", str(secret["secretName"]), field)
    if isinstance(config_map, dict) and config_map.get("name") and not config_map.get("optional"):
        yield Reference("ConfigMap", str(config_map["name"]), field)


def _sources(source: Any, kinds: Tuple[Tuple[str, str], ...], field: str) -> Iterator[Reference]:
    if not isinstance(source, dict):
        return
    for key, kind in kinds:
        reference = source.get(key)
        if isinstance(reference, dict) and reference.get("name") and not reference.get("optional"):
            yield Reference(kind, str(reference["name"]), field)
