# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One pass that fits every object to its site: images, pull secrets, tolerations, node selectors, labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _images, _podspec
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

COMPONENT_LABEL = "gpu-observability.openhands.dev/component"
MANAGED_BY = "openhands.gpu_observability"
PART_OF = "gpu-observability"
_OPERAND_IMAGES = (("image",), ("thanos", "image"))


@dataclass(frozen=True)
class Transform:
    """What a site wants of every object."""

    image_mirror: str = ""
    image_overrides: Mapping[str, str] = field(default_factory=dict)
    pull_secrets: Sequence[str] = ()
    tolerations: Sequence[Mapping[str, Any]] = ()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Optional[Mapping[str, Any]]) -> Transform:
        """Read the option; secrets may be given as names or as references with a name."""
        given = options or {}
        secrets = [s["name"] if isinstance(s, Mapping) else str(s) for s in given.get("pull_secrets") or ()]
        return cls(
            image_mirror=str(given.get("image_mirror") or ""),
            image_overrides=dict(given.get("image_overrides") or {}),
            pull_secrets=secrets,
            tolerations=list(given.get("tolerations") or ()),
            node_selector=dict(given.get("node_selector") or {}),
            labels=dict(given.get("labels") or {}),
        )

    def image(self, image: str) -> str:
        """Where an image is pulled from at this site."""
        return _images.resolve(image, self.image_mirror, self.image_overrides)


def apply(body: Object, wanted: Transform, component: str) -> None:
    """Change one object in place. What the object says itself wins over the site, except for images."""
    spec = _podspec.pod_spec(body)
    if spec is not None:
        for container in _podspec.containers(spec):
            _set_image(container, wanted)
        # The nodes of a DaemonSet are its meaning: a site's node selector isn't for it.
        _place(spec, wanted, selector=body.get("kind") != "DaemonSet")
    operand = _podspec.operand_spec(body)
    if operand is not None:
        for path in _OPERAND_IMAGES:
            holder: Any = operand
            for step in path[:-1]:
                holder = holder.get(step) if isinstance(holder, dict) else None
            if isinstance(holder, dict):
                _set_image(holder, wanted)
        for container in _podspec.containers(operand):
            _set_image(container, wanted)
        _place(operand, wanted, selector=True)
    _label(body, wanted, component)


def _set_image(holder: Dict[str, Any], wanted: Transform) -> None:
    if isinstance(holder.get("image"), str):
        holder["image"] = wanted.image(holder["image"])


def _place(spec: Dict[str, Any], wanted: Transform, selector: bool) -> None:
    if wanted.pull_secrets:
        present: List[Any] = list(spec.get("imagePullSecrets") or [])
        names = {entry.get("name") for entry in present if isinstance(entry, dict)}
        spec["imagePullSecrets"] = present + [{"name": name} for name in wanted.pull_secrets if name not in names]
    if wanted.tolerations:
        tolerations: List[Any] = list(spec.get("tolerations") or [])
        spec["tolerations"] = tolerations + [dict(t) for t in wanted.tolerations if t not in tolerations]
    if wanted.node_selector and selector:
        spec["nodeSelector"] = {**wanted.node_selector, **(spec.get("nodeSelector") or {})}


def _label(body: Object, wanted: Transform, component: str) -> None:
    metadata = body.setdefault("metadata", {})
    metadata["labels"] = {
        **wanted.labels,
        **(metadata.get("labels") or {}),
        "app.kubernetes.io/managed-by": MANAGED_BY,
        "app.kubernetes.io/part-of": PART_OF,
        COMPONENT_LABEL: component,
    }
