# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of a cluster, from the plan to the release: budget, interruption, resumption."""

from __future__ import annotations

import os
import signal
import time

from integration.gpu_hosts.conftest import NEW, NODES, OLD

CONSENT = {"nvidia_driver_disruption": True}


def node(number):
    return f"node-{number:04}"


def unschedulable(plane, number):
    return bool(plane.client.get("/api/v1/nodes/" + node(number))["spec"].get("unschedulable"))


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


def test_a_failed_node_stays_cordoned_and_stops_the_roll_and_runs_go_on_where_one_ended(clustered, plane):
    for number in range(3):
        clustered.host(f"gpu{number}", platform_node_name=node(number), **CONSENT)
    broken = clustered.tree("gpu1") / "fake/packages"
    broken.write_text("fail")
    nowhere = {"platform_cluster_host": ""}
    clustered.host("dead", ansible_connection="ssh", ansible_host="127.0.0.9", ansible_port=1, **nowhere)
    clustered.host("bare", "", **nowhere)
    clustered.host("waits", **nowhere)

    first = clustered.run()
    assert first.code == 2
    assert first.row("gpu0").split()[-2:] == ["done", "released"]
    assert first.row("gpu1").split()[-2:] == ["failed", "cordoned"]
    assert "the archive of nvidia-driver-cuda is damaged" in first.output
    assert first.row("gpu2").endswith("not begun")
    assert first.row("dead").endswith("failed")
    assert "unreachable: " in first.output
    assert first.row("bare").split() == ["bare", "none", NEW, "open", "done"]
    assert first.row("waits").endswith("pending")
    assert "allow it with nvidia_driver_disruption" in first.output
    assert [unschedulable(plane, number) for number in range(3)] == [False, True, False]
    loaded = {name: clustered.loaded(name) for name in clustered.hosts if name != "dead"}
    assert loaded == {"gpu0": NEW, "gpu1": OLD, "gpu2": OLD, "bare": NEW, "waits": OLD}
    assert first.changed["waits"] == first.changed["gpu2"] == 0

    for name in ("dead", "bare", "waits"):
        del clustered.hosts[name]
    broken.write_text("hang")
    process = clustered.start("--limit", "gpu1")
    begun = clustered.tree("gpu1") / "fake/begun"
    deadline = time.monotonic() + 90
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    output, _ = process.communicate()
    assert begun.exists(), output
    broken.unlink()
    assert [unschedulable(plane, number) for number in range(3)] == [False, True, False]

    resumed = clustered.run()
    assert resumed.code == 0
    assert resumed.changed["gpu0"] == 0
    assert resumed.row("gpu0").endswith("as wanted")
    assert resumed.output.index("changed: [gpu1 -> here]") < resumed.output.index("changed: [gpu2 -> here]")
    assert not any(unschedulable(plane, number) for number in range(3))
    assert {clustered.loaded(name) for name in clustered.hosts} == {NEW}
