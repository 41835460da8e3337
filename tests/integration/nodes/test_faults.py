# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node leaves and comes back over a way to the API server that breaks all the time."""

from __future__ import annotations

from fault_proxy import FaultProxy, sometimes
from integration.engine.apiserver import ADMIN_TOKEN


def test_every_fifth_call_and_most_evictions_fail_and_the_node_ends_as_it_was(fleet, tmp_path):
    node = fleet.node()
    fleet.pod("trainer", node, gpus=8)
    fleet.pod("web", node)
    plane = fleet.plane
    others, evictions = sometimes(0.2, 1), ["leader", "lost", "unavailable", "reset"]

    def choose(call):
        if call.path.endswith("/eviction"):
            return evictions.pop() if evictions else None
        return others(call)

    proxy = FaultProxy(plane.url, plane.authority, choose).start()
    try:
        config = proxy.kubeconfig(tmp_path / "kubeconfig", plane.config_for({"token": ADMIN_TOKEN}))
        assert fleet.do("drained", node, drain={"timeout": 60}, kubeconfig=config)["state"] == "drained"
        assert fleet.pods() == []
        assert fleet.record(node).cordoned
        assert fleet.do("released", node, kubeconfig=config)["state"] == "in_service"
        hurt = [fault for _call, fault in proxy.calls if fault]
    finally:
        proxy.stop()
    assert len(hurt) > 3
    live = fleet.get(node)
    assert fleet.record(node) is None
    assert not live["spec"].get("unschedulable")
