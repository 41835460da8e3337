# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""How many nodes may be out of service at once, and what Ceph says to one more. Pure."""

from __future__ import annotations

import datetime as dt
import math
from typing import List, Mapping, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import record
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    condensed,
    mapping,
    name_of,
    text,
)

CEPH_APPS = ("rook-ceph-osd", "rook-ceph-mon")
"""Labels ``app`` of Rook's pods whose node matters to data (rook/rook pkg/operator/ceph/cluster/{osd,mon})."""

UNCLEAN = ("PG_", "OBJECT_", "OSD_DOWN", "OSD_HOST_DOWN", "OSD_RACK_DOWN", "OSD_ZONE_DOWN", "MON_DOWN", "MON_CLOCK")
"""Health checks during which no further node may go (docs.ceph.com, Health checks)."""

FRESH = dt.timedelta(minutes=10)
"""Rook's operator writes a CephCluster's status every minute, as RFC 3339 in UTC, and stops when it is evicted itself
(rook/rook pkg/operator/ceph/cluster/cephstatus.go)."""


def out_of_service(node: Object) -> bool:
    """Whether a node takes no work: cordoned by whomever, not ready, or in maintenance."""
    return record.unschedulable(node) or not record.ready(node) or record.RECORD in _annotations(node)


def _annotations(node: Object) -> Mapping[str, object]:
    return mapping(node, "metadata", "annotations")


def allowed(budget: str, fleet: int) -> int:
    """A number, or a percentage of the fleet, rounded down and never less than one. Raises ValueError."""
    if budget.endswith("%"):
        return max(1, math.floor(fleet * float(budget[:-1]) / 100))
    return int(budget)


def over_budget(node: str, fleet: Sequence[Object], budget: str) -> str:
    """Why one more node must not go; empty where it may. fleet: the nodes the budget counts."""
    if not budget:
        return ""
    others = sorted(name_of(one) for one in fleet if name_of(one) != node and out_of_service(one))
    most = allowed(budget, len(fleet))
    if len(others) < most:
        return ""
    shown = ", ".join(others[:5]) + (" and %d more" % (len(others) - 5) if len(others) > 5 else "")
    return "%d of %d nodes are out of service (%s), and the budget is %s" % (len(others), len(fleet), shown, budget)


def ceph_on(pods: Sequence[Object]) -> List[str]:
    """Ceph's daemons among a node's pods."""
    return sorted(name_of(pod) for pod in pods if text(pod, "metadata", "labels", "app") in CEPH_APPS)


def ceph_unclean(clusters: Sequence[Object], now: dt.datetime) -> List[str]:
    """What speaks against taking a node with Ceph's daemons down, by the status of the CephClusters."""
    found = []
    for cluster in clusters:
        health, details = text(cluster, "status", "ceph", "health"), mapping(cluster, "status", "ceph", "details")
        name = "%s/%s" % (text(cluster, "metadata", "namespace"), name_of(cluster))
        if health not in ("HEALTH_OK", "HEALTH_WARN"):
            found.append("CephCluster %s: %s" % (name, health or "its health hasn't been read"))
        read = text(cluster, "status", "ceph", "lastChecked")
        if _older(read, now - FRESH):
            found.append("CephCluster %s: its health was last read at %s: does Rook's operator run?" % (name, read))
        unclean = [check for check in sorted(details) if check.startswith(UNCLEAN)]
        said = {check: condensed(text(details, check, "message")) for check in unclean}
        found += ["CephCluster %s: %s: %s" % (name, check, said[check]) for check in unclean]
    return found


def _older(stamp: str, limit: dt.datetime) -> bool:
    """Whether a time is before another; one that can't be read isn't."""
    try:
        return dt.datetime.strptime(stamp[:19] + "Z", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.timezone.utc) < limit
    except ValueError:
        return False


def other_domain(node: Object, fleet: Sequence[Object], key: str) -> str:
    """Why a node with Ceph's daemons must wait: one of another failure domain is in maintenance. key: node label."""
    mine = _domain(node, key)
    for other in fleet:
        if name_of(other) == name_of(node) or record.RECORD not in _annotations(other):
            continue
        if _domain(other, key) != mine:
            return "%s of %s %s is in maintenance, this node is of %s" % (
                name_of(other),
                key.rpartition("/")[2],
                _domain(other, key),
                mine,
            )
    return ""


def _domain(node: Object, key: str) -> Optional[str]:
    return record.label(node, key) or name_of(node)
