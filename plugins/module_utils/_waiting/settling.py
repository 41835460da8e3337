# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""How long what just became available must stay so.

Without a readiness probe a container that is about to crash is ready, and its workload available, for a moment.
An operator may write down the new generation beside what it found for the old one, before it acts on the new.
"""

from __future__ import annotations

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    items,
    kind_of,
    mapping,
    number,
    text,
)

UNPROBED = 3.0
"""Seconds for pods whose readiness nobody probes."""

CRASHED = 10.0
"""Seconds for pods that crashed while we waited."""

OPERATED = 5.0
"""Seconds for resources whose operator was seen to stamp an old status with the new generation."""

_OPERATED = {
    ("monitoring.coreos.com", kind) for kind in ("Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler")
}

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController")


def settling_seconds(obj: Object, crashed: bool) -> float:
    """How long a workload or pod that became available during the wait is watched before it is believed."""
    kind = text(obj, "kind")
    if kind_of(obj) in _OPERATED:
        return OPERATED
    if kind in WORKLOADS:
        spec = mapping(obj, "spec", "template", "spec")
    elif kind == "Pod" and text(obj, "status", "phase") == "Running":
        spec = mapping(obj, "spec")
    else:
        return 0.0
    if kind in WORKLOADS and number(obj, "status", "replicas", default=1) == 0:
        return 0.0
    probed = all(mapping(container, "readinessProbe") for container in items(spec, "containers"))
    wanted = CRASHED if crashed else 0.0 if probed else UNPROBED
    return max(0.0, wanted - number(obj, "spec", "minReadySeconds"))
