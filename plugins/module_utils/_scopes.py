# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which kinds live in a namespace, for when there is no server to ask.

The table is what kube-apiserver 1.36 and 1.37 answer to discovery; a test holds it against a server.
"""

from __future__ import annotations

import difflib
from typing import FrozenSet, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Resource

NAMESPACED: Mapping[str, FrozenSet[str]] = {
    "": frozenset(
        {
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        }
    ),
    "apps": frozenset({"ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"}),
    "autoscaling": frozenset({"HorizontalPodAutoscaler"}),
    "batch": frozenset({"CronJob", "Job"}),
    "coordination.k8s.io": frozenset({"Lease"}),
    "discovery.k8s.io": frozenset({"EndpointSlice"}),
    "events.k8s.io": frozenset({"Event"}),
    "networking.k8s.io": frozenset({"Ingress", "NetworkPolicy"}),
    "policy": frozenset({"PodDisruptionBudget"}),
    "rbac.authorization.k8s.io": frozenset({"Role", "RoleBinding"}),
    "resource.k8s.io": frozenset({"ResourceClaim", "ResourceClaimTemplate"}),
    "storage.k8s.io": frozenset({"CSIStorageCapacity"}),
}
CLUSTER_WIDE: Mapping[str, FrozenSet[str]] = {
    "": frozenset({"Namespace", "Node", "PersistentVolume"}),
    "admissionregistration.k8s.io": frozenset(
        {
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        }
    ),
    "apiextensions.k8s.io": frozenset({"CustomResourceDefinition"}),
    "apiregistration.k8s.io": frozenset({"APIService"}),
    "certificates.k8s.io": frozenset({"CertificateSigningRequest"}),
    "flowcontrol.apiserver.k8s.io": frozenset({"FlowSchema", "PriorityLevelConfiguration"}),
    "networking.k8s.io": frozenset({"IPAddress", "IngressClass", "ServiceCIDR"}),
    "node.k8s.io": frozenset({"RuntimeClass"}),
    "rbac.authorization.k8s.io": frozenset({"ClusterRole", "ClusterRoleBinding"}),
    "resource.k8s.io": frozenset({"DeviceClass", "ResourceSlice"}),
    "scheduling.k8s.io": frozenset({"PriorityClass"}),
    "storage.k8s.io": frozenset({"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"}),
}


def find(api_version: str, kind: str) -> Optional[Resource]:
    """A stand-in for discovery: a built-in kind, or None."""
    group, _slash, version = api_version.rpartition("/")
    for namespaced, table in ((True, NAMESPACED), (False, CLUSTER_WIDE)):
        if kind in table.get(group, ()):
            return Resource(group, version, kind, "", namespaced)
    return None


def hint(api_version: str, kind: str) -> str:
    """What may have been meant by a kind that the tables don't have; empty where nothing is near."""
    group = api_version.rpartition("/")[0]
    both = [(g, k) for table in (NAMESPACED, CLUSTER_WIDE) for g, kinds in table.items() for k in sorted(kinds)]
    for there, name in both:
        if name == kind and there != group:
            return "%s is a kind of %s" % (kind, there or "the core group (v1)")
    near = difflib.get_close_matches(kind, [name for there, name in both if there == group], n=1, cutoff=0.7)
    if near:
        return "did you mean %s?" % near[0]
    return "give its CustomResourceDefinition to the option schemas, or put it into the set" if "." in group else ""
