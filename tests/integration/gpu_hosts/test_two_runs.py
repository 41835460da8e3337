# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once, and a run that was told to look at other nodes than those that were left."""

from __future__ import annotations

import os
import signal

from integration.gpu_hosts.hosts import CONSENT, LEASE, NEW, OLD, PATIENCE
from integration.nodes.plane import until

LEFT, OTHER = NODES = ["two-a", "two-b"]


def test_the_second_run_waits_and_a_limited_one_names_what_is_left(clustered, plane, machines):
    for name in NODES:
        plane.simulated_node(name)
        clustered.machine(machines, name, name, **CONSENT)
    told = clustered.tree(LEFT) / "fake/packages"
    told.write_text("hang")
    process = clustered.start()
    try:
        until((clustered.tree(LEFT) / "fake/begun").exists, PATIENCE)
        kept = plane.maintenance(LEFT)
        second = clustered.run()
        assert plane.find(LEASE)["spec"]["holderIdentity"].endswith(f"process {process.pid} run {kept['run']}")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        told.write_text("die")
    assert second.code == 2
    assert (second.ended[LEFT]["status"], second.ended[LEFT]["node"]) == ("failed", "cordoned")
    assert f"Another run has nodes of this cluster in maintenance: {kept_by(process)}" in second.ended[LEFT]["detail"]
    assert second.ended[OTHER]["status"] == "not_begun"
    assert plane.maintenance(LEFT) == kept, "the second run left the first one's node alone"
    assert {clustered.loaded(name) for name in NODES} == {OLD}
    assert not plane.unschedulable(OTHER)

    # The first run was killed. A third one isn't about its node, and says that it is still out.
    third = clustered.run("--limit", OTHER)
    assert third.code == 0
    assert third.ended[OTHER]["status"] == "done"
    assert f"    {LEFT}  drained since {kept['since']}: driver {OLD} to {NEW}" in third.output
    assert [one["node"] for one in third.report["clusters"][0]["out"]] == [LEFT]
    assert plane.maintenance(LEFT) == kept

    told.unlink()
    last = clustered.run()
    assert last.code == 0
    assert (last.ended[LEFT]["status"], last.ended[LEFT]["node"]) == ("done", "released")
    assert last.changed[OTHER] == 0
    assert {clustered.loaded(name) for name in NODES} == {NEW}
    assert not any(plane.unschedulable(name) or plane.maintenance(name) for name in NODES)
    assert plane.find(LEASE) is None


def kept_by(process):
    return f"root@{os.uname().nodename} process {process.pid}"
