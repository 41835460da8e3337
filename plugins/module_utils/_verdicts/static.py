# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Kinds that have nothing to get ready: they are current once they exist."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import Table, current

KINDS = {
    "": "ConfigMap Secret ServiceAccount Endpoints LimitRange ResourceQuota PodTemplate Event Node Binding",
    "admissionregistration.k8s.io": "MutatingWebhookConfiguration ValidatingWebhookConfiguration"
    " ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding"
    " MutatingAdmissionPolicy MutatingAdmissionPolicyBinding",
    "apps": "ControllerRevision",
    "coordination.k8s.io": "Lease",
    "discovery.k8s.io": "EndpointSlice",
    "events.k8s.io": "Event",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "kwok.x-k8s.io": "Stage Metric Attach ClusterAttach Exec ClusterExec Logs ClusterLogs"
    " PortForward ClusterPortForward ResourceUsage ClusterResourceUsage",
    "networking.k8s.io": "NetworkPolicy IngressClass IPAddress ServiceCIDR",
    "node.k8s.io": "RuntimeClass",
    "rbac.authorization.k8s.io": "Role RoleBinding ClusterRole ClusterRoleBinding",
    "resource.k8s.io": "DeviceClass ResourceClaimTemplate ResourceSlice",
    "scheduling.k8s.io": "PriorityClass",
    "storage.k8s.io": "StorageClass CSIDriver CSINode CSIStorageCapacity VolumeAttributesClass VolumeAttachment",
}


def exists(obj: Object, children: Sequence[Object]) -> Verdict:
    """To exist is all it has to do."""
    return current()


RULES: Table = {(group, kind): exists for group, kinds in KINDS.items() for kind in kinds.split()}
