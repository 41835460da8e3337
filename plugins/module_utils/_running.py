# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which images a component's pods run, found by the owners of pods; only reads."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Set, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _images
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Client, Object

_BETWEEN = (
    "/apis/apps/v1/namespaces/%s/replicasets",
    "/apis/apps/v1/namespaces/%s/statefulsets",
    "/apis/apps/v1/namespaces/%s/daemonsets",
    "/apis/apps/v1/namespaces/%s/deployments",
    "/apis/batch/v1/namespaces/%s/jobs",
)
"""What may stand between a recorded object and its pods."""
_OVER = ("Succeeded", "Failed")


def containers(client: Client, namespaces: Iterable[str], uids: Set[str]) -> List[Dict[str, Any]]:
    """Container, image and number of pods that objects with these UIDs own, directly or not. Raises ApiError."""
    counted: Dict[Tuple[str, str], int] = {}
    for namespace in sorted(set(namespaces)):
        pods = _items(client, "/api/v1/namespaces/%s/pods" % namespace)
        if not pods:
            continue
        owners = _owners(item for path in _BETWEEN for item in _items(client, path % namespace))
        for pod in pods:
            if (pod.get("status") or {}).get("phase") not in _OVER and _belongs(pod, owners, uids):
                for container in (pod.get("spec") or {}).get("containers") or ():
                    key = (str(container.get("name")), str(container.get("image")))
                    counted[key] = counted.get(key, 0) + 1
    return [{"container": name, "image": image, "pods": pods} for (name, image), pods in sorted(counted.items())]


def _items(client: Client, path: str) -> List[Object]:
    """A list; what this login may not see counts as nothing, and its pods as nobody's."""
    try:
        return client.get(path).get("items") or []
    except ApiError as error:
        if classify(error) is Answer.FORBIDDEN:
            return []
        raise


def _owners(items: Iterable[Object]) -> Dict[str, List[str]]:
    return {str(item["metadata"].get("uid")): _of(item) for item in items}


def _of(item: Mapping[str, Any]) -> List[str]:
    return [str(owner.get("uid")) for owner in item["metadata"].get("ownerReferences") or ()]


def _belongs(pod: Object, owners: Mapping[str, List[str]], uids: Set[str]) -> bool:
    seen: Set[str] = set()
    left = [str(pod["metadata"].get("uid")), *_of(pod)]
    while left:
        uid = left.pop()
        if uid in uids:
            return True
        if uid not in seen:
            seen.add(uid)
            left += owners.get(uid, [])
    return False


def versions(running: Iterable[Mapping[str, Any]], repositories: Iterable[str]) -> List[str]:
    """Versions of the images that come from these repositories, by their tags; a digest alone stays one."""
    wanted = {_repository(name) for name in repositories}
    found = {_version(str(entry["image"])) for entry in running if _repository(str(entry["image"])) in wanted}
    return sorted(found)


def _repository(image: str) -> Tuple[str, str]:
    reference = _images.parse(image)
    return (reference.registry or _images.DEFAULT_REGISTRY, reference.path)


def _version(image: str) -> str:
    tag, _at, digest = _images.parse(image).suffix.partition("@")
    text = tag.lstrip(":")
    if not text:
        return digest[:19] or "untagged"
    return text[1:] if text[:1] == "v" and text[1:2].isdigit() else text
