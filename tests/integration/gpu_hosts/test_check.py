# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of nodes of a cluster, by check mode."""

from __future__ import annotations

from integration.gpu_hosts.conftest import NODES, node
from integration.gpu_hosts.hosts import NEW, OLD


def unschedulable(plane, number):
    return plane.unschedulable(node(number))


def test_check_mode_shows_what_would_be_done_and_does_nothing(clustered, plane):
    for number in range(NODES):
        clustered.host(f"gpu{number:02}", NEW if number > 2 else OLD, platform_node_name=node(number))
    clustered.hosts["gpu00"]["nvidia_driver_disruption"] = True
    clustered.hosts["gpu02"]["nvidia_driver_branch"] = "999"
    clustered.hosts["gpu03"]["nvidia_driver_manage"] = False
    found = clustered.run("--check", "--diff")
    plan = "GPU hosts: collection"
    assert found.row("gpu00", plan).split() == ["gpu00", OLD, "open", NEW, "open", "upgrade", "yes", "no"]
    assert found.row("gpu01", plan).split()[-3:] == ["yes", "no", "pending"]
    assert found.code == 2, "a wish that can't come true fails the run"
    counts = f"1 left alone, {NODES - 4} as wanted, 1 change, 1 pending, 1 blocked"
    assert f"{NODES} hosts: {counts}; 2 to drain, 0 to reboot" in found.output
    assert {clustered.loaded(f"gpu{number:02}") for number in range(3)} == {OLD}
    assert not any(unschedulable(plane, number) for number in range(NODES))
