# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which kinds go first: a table kind -> stage. Objects of one stage go out side by side."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple, TypeVar

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ObjectId

FOUNDATION = 0
"""Namespaces and definitions: they must be there before anything else can even be checked."""

_STAGES: Tuple[Tuple[str, ...], ...] = (
    ("Namespace", "CustomResourceDefinition"),
    ("PriorityClass", "StorageClass", "RuntimeClass", "IngressClass", "VolumeSnapshotClass", "CSIDriver")
    + ("ResourceQuota", "LimitRange"),
    ("ServiceAccount", "ConfigMap", "Secret"),
    ("ClusterRole", "Role"),
    ("ClusterRoleBinding", "RoleBinding"),
    ("PersistentVolume", "PersistentVolumeClaim", "Service", "Endpoints", "EndpointSlice")
    + ("NetworkPolicy", "PodDisruptionBudget"),
    ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Pod", "Job", "CronJob"),
    ("HorizontalPodAutoscaler", "Ingress", "APIService"),
    (),
    ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    + ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
)
# A webhook goes last, or it would refuse the objects its own server is made of.

_BY_KIND: Dict[str, int] = {kind: stage for stage, kinds in enumerate(_STAGES) for kind in kinds}
CUSTOM = _STAGES.index(())
"""The stage of kinds that aren't built in."""

_BUILT_IN_SUFFIX = ".k8s.io"
_BUILT_IN_GROUPS = frozenset({"", "apps", "batch", "autoscaling", "policy", "extensions"})

T = TypeVar("T")


def built_in(group: str) -> bool:
    """Whether a group is Kubernetes' own."""
    return group in _BUILT_IN_GROUPS or group.endswith(_BUILT_IN_SUFFIX)


def stage(identity: ObjectId) -> int:
    """The stage of an object; lower goes first."""
    return _BY_KIND.get(identity.kind, CUSTOM) if built_in(identity.group) else CUSTOM


def stages(items: Sequence[Tuple[ObjectId, T]]) -> List[List[T]]:
    """Group items by stage, first stage first; within a stage the given order is kept."""
    groups: Dict[int, List[T]] = {}
    for identity, item in items:
        groups.setdefault(stage(identity), []).append(item)
    return [groups[number] for number in sorted(groups)]
