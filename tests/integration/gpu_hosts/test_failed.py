# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four nodes in service: one goes back to the version before, one is well, one fails its diagnosis, one isn't begun."""

from __future__ import annotations

import datetime as dt
import json
import urllib.request

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes.record import REASON
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _record
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Change
from integration.gpu_hosts.hosts import CONSENT, LEASE, NEW, OLD, STATE
from integration.nodes.plane import find_alertmanager

BACK, GOOD, BAD, LATER = NODES = ["fail-a", "fail-b", "fail-c", "fail-d"]
DIAGNOSED = {"optional": ["cuda"], "wait": 0, "diag": 1}


@pytest.fixture
def silences(plane):
    """Read the silences about a node, by their state."""
    program = find_alertmanager()
    if isinstance(program, str):
        pytest.skip(program)
    address = plane.start_alertmanager(program)

    def read(node):
        with urllib.request.urlopen(f"{address}/api/v2/silences", timeout=10) as answer:
            found = json.load(answer)
        mine = [one for one in found if one["createdBy"].endswith(f": nvidia_driver {node}")]
        return [(one["status"]["state"], one["matchers"][0]["name"], one["endsAt"]) for one in mine]

    return read


def states(found):
    return {state for state, _label, _end in found}


def test_back_well_failed_and_not_begun(clustered, plane, machines, silences):
    for name in NODES:
        plane.simulated_node(name)
        version = NEW if name == BACK else OLD
        clustered.machine(machines, name, name, version, nvidia_driver_validation=DIAGNOSED, **CONSENT)
    clustered.hosts[BACK]["nvidia_driver_rollback"] = True
    changed = Change("nvidia-driver-cuda", OLD, NEW)
    about = {"previous": {"version": OLD, "flavour": "open"}}
    _record.write(str(clustered.tree(BACK) / STATE), _record.DONE, [changed], {}, about)
    jobs = plane.namespace("fail")
    plane.pod(jobs, "trainer", BACK, gpus=1)
    plane.pod(jobs, "web", BACK)
    broken = clustered.tree(BAD) / "fake/dcgmi"
    broken.write_text("Fail: GPU 0 - memory")

    first = clustered.run(nvidia_driver_silence={"minutes": 30})
    assert first.code == 2
    assert {name: (one["status"], one["node"]) for name, one in first.ended.items()} == {
        BACK: ("done", "released"),
        GOOD: ("done", "released"),
        BAD: ("failed", "cordoned"),
        LATER: ("not_begun", ""),
    }
    assert [clustered.loaded(name) for name in NODES] == [OLD, NEW, NEW, OLD]
    assert plane.pods(jobs) == ["web"], "a reload empties the node of what holds GPUs"
    assert (clustered.tree(GOOD) / "fake/diagnosed").read_text() == "diag -r 1\n"
    assert first.ended[LATER]["detail"].startswith(f"the roll stopped: {BAD} failed")
    kept = plane.maintenance(BAD)
    assert kept["state"] == "failed"
    assert "Fail: GPU 0 - memory" in kept["reason"]
    assert kept["reason"] == plane.node(BAD)["metadata"]["annotations"][REASON]
    assert plane.told("MaintenanceFailed")[BAD].startswith(
        f"driver {OLD} to {NEW}: Check that the GPUs work with the driver: "
    )
    assert [plane.unschedulable(name) for name in NODES] == [False, False, True, False]
    assert f"    {BAD}  failed since " in first.output.partition("Still out of service in cluster here:")[2]
    assert plane.find(LEASE) is None

    # Silenced while they were out; the one that stays out is silenced until the silence ends by itself.
    assert [states(silences(name)) for name in NODES] == [{"expired"}, {"expired"}, {"active"}, set()]
    assert sorted(label for _state, label, _end in silences(BAD)) == ["hostname", "instance", "node"]
    ends = max(dt.datetime.fromisoformat(end) for _state, _label, end in silences(BAD))
    assert ends < dt.datetime.now(dt.UTC) + dt.timedelta(minutes=31)

    broken.unlink()
    second = clustered.run(nvidia_driver_silence={"minutes": 30})
    assert second.code == 0
    assert {name: one["status"] for name, one in second.ended.items()} == {
        BACK: "as_wanted",
        GOOD: "as_wanted",
        BAD: "done",
        LATER: "done",
    }
    assert second.changed[BACK] == second.changed[GOOD] == 0
    assert [clustered.loaded(name) for name in NODES] == [OLD, NEW, NEW, NEW]
    assert not any(plane.unschedulable(name) or plane.maintenance(name) for name in NODES)
    assert [states(silences(name)) for name in NODES] == [{"expired"}] * 4
    assert "Still out of service" not in second.output
