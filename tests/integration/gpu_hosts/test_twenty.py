# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twenty nodes: one busy, one that dies in its reboot, one that is dead anyway, and the run killed in the middle."""

from __future__ import annotations

import gpu_trees
from integration.gpu_hosts.hosts import CONSENT, LEASE, NEW, OLD
from integration.nodes.plane import until

FLEET = [f"gpu{number:02}" for number in range(20)]
FIRST, BUSY, DYING, REBOOTED = FLEET[:4]
CAUGHT, LAST = FLEET[4:7], FLEET[7]
"""The batch that the run is killed in, and one that comes after it."""
WAITING, DEAD, BARE = FLEET[8:11]
CURRENT = FLEET[11:]
FAILED = "MaintenanceFailed"
ROLL = {"nvidia_driver_roll": {"serial": [1, 3], "failures": 1, "pause": 1}}


def named(run, *statuses):
    return {name for name, one in run.ended.items() if one["status"] in statuses}


def out(plane):
    """Cordoned nodes, with what their annotation says of them."""
    return {name: plane.maintenance(name).get("state") for name in FLEET if plane.unschedulable(name)}


def test_twenty_nodes(clustered, plane, machines):
    versions = {**dict.fromkeys(CURRENT, NEW), BARE: ""}
    for name in FLEET:
        plane.simulated_node(name)
        clustered.machine(machines, name, name, versions.get(name, OLD), **({} if name == WAITING else CONSENT))
    jobs = plane.namespace("twenty")
    plane.pod(jobs, "model", BUSY, gpus=1, labels={"app": "model"})
    budget = plane.budget(jobs, "model", 1)
    for name in (DYING, REBOOTED):
        gpu_trees.user(clustered.made[name], 4242, "trainer", "/dev/nvidia0")
        clustered.hosts[name]["nvidia_driver_timeouts"] = {"holders": 0, "reboot": 4 if name == DYING else 120}
        plane.pod(jobs, f"trainer-{name}", name, gpus=1)
        plane.pod(jobs, f"web-{name}", name)
    for name in (DYING, DEAD):
        (clustered.tree(name) / "fake/dies").touch()
    (clustered.tree(DEAD) / "fake/power").write_text("off")
    caught = [clustered.tree(name) / "fake" for name in CAUGHT]
    (caught[0] / "packages").write_text("hang")

    # The run is killed while one host of the third batch changes its packages and the others have changed theirs.
    output = clustered.killed(
        lambda: (caught[0] / "begun").exists() and all((fake / "installed").read_text() == NEW for fake in caught[1:]),
        **ROLL,
    )
    (caught[0] / "packages").write_text("die")
    assert out(plane) == {DYING: "failed", **dict.fromkeys(CAUGHT, "drained")}
    assert "Timed out waiting for last boot time check" in plane.maintenance(DYING)["reason"]
    assert [name for name in plane.told(FAILED) if name in FLEET] == [DYING]
    assert plane.pods(jobs) == ["model"], "a reboot empties the whole node"
    assert {name for name in FLEET if clustered.loaded(name) == NEW} == {FIRST, REBOOTED, BARE, *CURRENT}
    assert output.count("Pausing for 1 seconds") == 2
    assert plane.find(LEASE), "the Lease of a run that was killed stays"

    # The next one goes on with what the killed one left, and takes neither the busy nor the dead nodes.
    (caught[0] / "packages").unlink()
    resumed = clustered.run(**ROLL)
    assert resumed.code == 2
    assert named(resumed, "as_wanted") == {FIRST, REBOOTED, BARE, *CURRENT}
    assert named(resumed, "done") == {*CAUGHT, LAST}
    assert (named(resumed, "busy"), named(resumed, "pending")) == ({BUSY}, {WAITING})
    assert named(resumed, "failed", "held") == {DYING, DEAD}
    assert f"PodDisruptionBudget {jobs}/model keeps pod {jobs}/model" in resumed.ended[BUSY]["detail"]
    began = [resumed.output.index(f"changed: [{name} -> here]") for name in (*CAUGHT, LAST)]
    assert max(began[:3]) < began[3], "nodes that the killed run left come first"
    assert out(plane) == {DYING: "failed"}
    assert (resumed.ended[DYING]["node"], resumed.ended[DEAD]["node"]) == ("cordoned", "")
    assert [one["node"] for one in resumed.report["clusters"][0]["out"]] == [DYING]
    assert sum(resumed.changed[name] for name in named(resumed, "as_wanted", "pending", "failed", "held")) == 0
    assert plane.find(LEASE) is None

    # Mended, and the budget is gone: the third run takes both, and nothing else.
    (clustered.tree(DYING) / "fake/dies").unlink()
    until(lambda: clustered.loaded(DYING) == NEW)
    plane.client.send("DELETE", budget)
    last = clustered.run("--limit", ",".join([BUSY, DYING, FIRST, CAUGHT[0]]), **ROLL)
    assert last.code == 0
    assert (named(last, "done"), named(last, "as_wanted")) == ({BUSY, DYING}, {FIRST, CAUGHT[0]})
    assert last.changed[FIRST] == last.changed[CAUGHT[0]] == 0
    assert out(plane) == {}
    assert not any(plane.maintenance(name) for name in FLEET)
