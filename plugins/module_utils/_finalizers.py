# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Why a deletion hangs: which finalizer, who set it, and whether that one is still there."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _fieldset
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._drift import FIELD_MANAGER
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import is_true
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts.deletion import FINALIZERS

OPERATORS: Tuple[Tuple[str, str, str], ...] = (
    ("ceph.rook.io", "rook-ceph-operator", "app=rook-ceph-operator"),
    ("objectbucket.io", "rook-ceph-operator", "app=rook-ceph-operator"),
    ("monitoring.coreos.com", "prometheus-operator", "app.kubernetes.io/name=prometheus-operator"),
    ("loki.grafana.com", "loki-operator", "app.kubernetes.io/name=loki-operator"),
    ("tempo.grafana.com", "tempo-operator", "app.kubernetes.io/name=tempo-operator"),
    ("grafana.integreatly.org", "grafana-operator", "app.kubernetes.io/name=grafana-operator"),
    ("operator.grafana.com", "grafana-operator", "app.kubernetes.io/name=grafana-operator"),
    ("cert-manager.io", "cert-manager", "app.kubernetes.io/name=cert-manager"),
    ("nvidia.com", "gpu-operator", "app=gpu-operator"),
)
"""Part of a finalizer or of the object's group, the operator that removes it, and the labels of its pods."""


def explain(client: EngineClient, live: Object) -> str:
    """One sentence for an object that is being deleted and doesn't go; empty where no finalizer holds it."""
    finalizers = [str(one) for one in (live.get("metadata") or {}).get("finalizers") or ()]
    return "; ".join(_one(client, live, one) for one in finalizers)


def _one(client: EngineClient, live: Object, finalizer: str) -> str:
    if finalizer in FINALIZERS:
        return "finalizer %s: %s" % (finalizer, FINALIZERS[finalizer])
    group = str(live.get("apiVersion") or "").rpartition("/")[0]
    for part, operator, labels in OPERATORS:
        if part in finalizer or part == group:
            return "finalizer %s: %s removes it, and %s" % (finalizer, operator, _running(client, operator, labels))
    setter = _setter(live)
    who = "%s set it and has to remove it" % setter if setter else "its controller has to remove it"
    return "finalizer %s: %s; is that running? Only if it is gone for good, remove the finalizer by hand" % (
        finalizer,
        who,
    )


def _running(client: EngineClient, operator: str, labels: str) -> str:
    """Whether a pod of the operator is ready."""
    try:
        pods = client.get("/api/v1/pods", {"labelSelector": labels, "limit": "20"}).get("items") or []
    except ApiError:
        return "whether that is running couldn't be read"
    ready = [pod for pod in pods if is_true(pod, "Ready")]
    if ready:
        metadata = ready[0]["metadata"]
        return "that is running (pod %s/%s): its log says what it waits for" % (
            metadata.get("namespace"),
            metadata.get("name"),
        )
    if pods:
        return "none of its %d pods is ready: bring it up again" % len(pods)
    return (
        "there is no pod of it: roll %s out again so that it can finish, or, if what the object stood for is gone for "
        "good, remove the finalizer by hand" % operator
    )


def _setter(live: Mapping[str, Any]) -> Optional[str]:
    """The field manager that wrote the finalizers."""
    for entry in _fieldset.entries(live):
        fields = entry.get("fieldsV1") or {}
        metadata = fields.get("f:metadata") if isinstance(fields, dict) else None
        if isinstance(metadata, dict) and "f:finalizers" in metadata and entry.get("manager") != FIELD_MANAGER:
            return str(entry.get("manager"))
    return None
