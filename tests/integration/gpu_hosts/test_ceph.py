# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that also carry Ceph: waited for until it is clean, one failure domain at a time. FAKE: Ceph's status."""

from __future__ import annotations

import time

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import NODE_MAINTENANCE_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import maintenance
from integration.gpu_hosts.hosts import CONSENT, LEASE, NEW, OLD, PATIENCE
from integration.nodes.plane import MERGE, until

ZONES = {"ceph-a1": "a", "ceph-a2": "a", "ceph-b": "b"}
ZONE = "topology.kubernetes.io/zone"
KINDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CLUSTERS = "/apis/ceph.rook.io/v1/namespaces/rook-ceph/cephclusters"
DEGRADED = {"health": "HEALTH_WARN", "details": {"PG_DEGRADED": {"message": "Degraded data redundancy: 3 pgs"}}}
CLEAN = {"health": "HEALTH_OK", "details": None}
BATCH = {"nvidia_driver_roll": {"serial": 3}, "nvidia_driver_drain": {"ceph_timeout": 600}}


@pytest.fixture
def ceph(plane):
    """Write what Ceph says."""
    names = {"kind": "CephCluster", "listKind": "CephClusterList", "plural": "cephclusters", "singular": "cephcluster"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "ceph.rook.io", "names": names, "scope": "Namespaced", "versions": [version]}
    plane.create(KINDS, [{"metadata": {"name": "cephclusters.ceph.rook.io"}, "spec": spec}])
    plane.namespace("rook-ceph")
    cluster = {"apiVersion": "ceph.rook.io/v1", "kind": "CephCluster", "metadata": {"name": "rook-ceph"}}
    until(lambda: plane.find("/apis/ceph.rook.io/v1/cephclusters"))
    plane.create(CLUSTERS, [cluster])
    for name, zone in ZONES.items():
        plane.simulated_node(name, **{ZONE: zone})
        plane.pod("rook-ceph", f"osd-{name}", name, labels={"app": "rook-ceph-osd"})
    yield lambda status: plane.client.send("PATCH", f"{CLUSTERS}/rook-ceph", {"status": {"ceph": status}}, None, MERGE)
    plane.client.send("DELETE", f"{KINDS}/cephclusters.ceph.rook.io")


def test_ceph_is_waited_for_and_one_domain_goes_at_a_time(clustered, plane, machines, ceph):
    for name in ZONES:
        clustered.machine(machines, name, name, **CONSENT)
    ceph(DEGRADED)
    process = clustered.start("--limit", "ceph-a1", **BATCH)
    until(lambda: plane.find(LEASE) or process.poll() is not None, PATIENCE)
    time.sleep(3)
    waited = (process.poll(), plane.unschedulable("ceph-a1"), clustered.loaded("ceph-a1"))
    ceph(CLEAN)
    found = clustered.finish(process)
    assert waited == (None, False, OLD)
    assert (found.code, found.ended["ceph-a1"]["status"]) == (0, "done")

    # One node of zone a is out already, by an earlier run: the one of zone b isn't taken down beside it.
    options = {name: option.get("default") for name, option in NODE_MAINTENANCE_ARGSPEC.items()}
    options.update(kubeconfig=str(plane.kubeconfig), node="ceph-a2", run="earlier", drain={"scope": "gpu"})
    for state in ("drained", "ended"):
        maintenance.run({**options, "state": state}, environ={})
    found = clustered.run(**BATCH)
    assert found.code == 0
    assert {name: one["status"] for name, one in found.ended.items()} == {
        "ceph-a1": "as_wanted",
        "ceph-a2": "done",
        "ceph-b": "busy",
    }
    assert "ceph-a2 of zone a is in maintenance, this node is of b" in found.ended["ceph-b"]["detail"]
    assert [clustered.loaded(name) for name in ZONES] == [NEW, NEW, OLD]
    assert not any(plane.unschedulable(name) or plane.maintenance(name) for name in ZONES)
    assert plane.pods("rook-ceph") == [f"osd-{name}" for name in ZONES], "a reload leaves Ceph's daemons alone"
