# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Service, Ingress, HorizontalPodAutoscaler, PodDisruptionBudget."""

from __future__ import annotations

import json
from typing import Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    Condition,
    Table,
    conditions,
    current,
    dig,
    failed,
    in_progress,
    items,
    text,
)

NOTED = "autoscaling.alpha.kubernetes.io/conditions"


def service(obj: Object, children: Sequence[Object]) -> Verdict:
    """Has its cluster address, and the outer one where it asks for a load balancer."""
    kind = text(obj, "spec", "type") or "ClusterIP"
    if kind == "ExternalName":
        return current()
    if not text(obj, "spec", "clusterIP"):
        return in_progress("no cluster address yet")
    if kind == "LoadBalancer" and not items(obj, "status", "loadBalancer", "ingress"):
        return in_progress("no load balancer has given it an address yet")
    return current()


def ingress(obj: Object, children: Sequence[Object]) -> Verdict:
    """Current once it exists: many controllers serve an Ingress and never write its status."""
    served = items(obj, "status", "loadBalancer", "ingress")
    return current("" if served else "no controller has published an address for it")


def autoscaler(obj: Object, children: Sequence[Object]) -> Verdict:
    """Able to scale; missing metrics are named but don't hold a rollout up."""
    found = conditions(obj) or _noted(obj)
    able = found.get("AbleToScale")
    if able is None:
        return in_progress("the autoscaler has not looked at it yet")
    if able.status == "False":
        return failed(able.said or "unable to scale its target")
    active = found.get("ScalingActive")
    return current(active.said if active and active.status == "False" else "")


def _noted(obj: Object) -> Mapping[str, Condition]:
    """Conditions as autoscaling/v1 has them: as JSON in an annotation."""
    try:
        found = json.loads(text(obj, "metadata", "annotations", NOTED))
    except ValueError:
        return {}
    return conditions({"conditions": found}, "conditions")


def disruption_budget(obj: Object, children: Sequence[Object]) -> Verdict:
    """Looked at by its controller; whether pods may be disrupted now is no matter of rollout."""
    allowed = conditions(obj).get("DisruptionAllowed")
    if allowed is None:
        # Written since Kubernetes 1.20; before, the generation alone tells that it was looked at.
        seen = dig(obj, "status", "observedGeneration") is not None
        return current() if seen else in_progress("the disruption controller has not looked at it yet")
    if allowed.reason == "SyncFailed":
        return failed(allowed.said)
    return current("" if allowed.true else "allows no disruption now")


RULES: Table = {
    ("", "Service"): service,
    ("networking.k8s.io", "Ingress"): ingress,
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaler,
    ("policy", "PodDisruptionBudget"): disruption_budget,
}
