# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes leave and come back as they were, and a busy one is not touched."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from integration.nodes.plane import until

PROCESS = """
import json, sys
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import maintenance
print(json.dumps(maintenance.run(json.loads(sys.stdin.read()), environ={})))
"""
ROOT = Path(__file__).resolve().parents[3]


def in_service(fleet, node):
    live = fleet.get(node)
    return fleet.record(node) is None and not live["spec"].get("unschedulable")


def test_a_node_is_emptied_and_given_back(fleet):
    node = fleet.node()
    fleet.pod("trainer", node, gpus=8)
    fleet.pod("web", node)
    fleet.pod("agent", node, owner="DaemonSet")
    looked = fleet.do("inspected", node)
    assert (looked["state"], looked["busy"], looked["changed"]) == ("in_service", "", False)
    assert looked["would_evict"] == [f"{fleet.namespace}/trainer", f"{fleet.namespace}/web"]
    assert in_service(fleet, node)
    planned = fleet.do("drained", node, check=True)
    assert planned["changed"]
    assert in_service(fleet, node)

    gone = fleet.do("drained", node, what="driver 1 to 2")
    assert (gone["state"], gone["changed"], gone["cordoned_by_us"]) == ("drained", True, True)
    assert gone["evicted"] == looked["would_evict"]
    assert fleet.pods() == ["agent"]
    live = fleet.get(node)
    assert live["spec"]["unschedulable"] is True
    assert live["metadata"]["labels"]["gpu-observability.openhands.dev/gpu-clients"] == "paused"
    assert fleet.record(node).what == "driver 1 to 2"

    again = fleet.do("drained", node)
    assert (again["state"], again["changed"]) == ("drained", False)
    back = fleet.do("released", node, expected_gpus=8)
    assert (back["state"], back["changed"], back["cordoned_by_us"]) == ("in_service", True, True)
    assert in_service(fleet, node)
    assert "gpu-observability.openhands.dev/gpu-clients" not in fleet.get(node)["metadata"].get("labels", {})
    assert not fleet.do("released", node)["changed"]


def test_what_somebody_else_cordoned_stays_cordoned(fleet):
    node = fleet.node()
    fleet.patch(node, {"spec": {"unschedulable": True}})
    assert fleet.do("drained", node)["cordoned_by_us"] is False
    fleet.do("released", node)
    assert fleet.record(node) is None
    assert fleet.get(node)["spec"]["unschedulable"] is True


def test_what_somebody_uncordoned_is_cordoned_by_nobody(fleet):
    node = fleet.node()
    fleet.do("drained", node)
    fleet.patch(node, {"spec": {"unschedulable": None}})
    assert fleet.do("inspected", node)["cordoned_by_us"] is False
    fleet.do("released", node)
    assert in_service(fleet, node)


def test_only_gpu_pods_leave_where_no_more_is_asked(fleet):
    node = fleet.node()
    fleet.pod("trainer", node, gpus=1)
    fleet.pod("web", node)
    assert fleet.do("drained", node, drain={"scope": "gpu"})["evicted"] == [f"{fleet.namespace}/trainer"]
    assert fleet.pods() == ["web"]


def test_a_budget_that_allows_nothing_keeps_the_node_in_service(fleet):
    node = fleet.node()
    fleet.pod("model", node, gpus=1, labels={"app": "model"})
    fleet.plane.budget(fleet.namespace, "model", 1)
    left = fleet.do("drained", node)
    assert (left["state"], left["changed"]) == ("busy", False)
    name = fleet.namespace
    assert left["busy"] == f"PodDisruptionBudget {name}/model keeps pod {name}/model"
    assert in_service(fleet, node)
    assert fleet.pods() == ["model"]


def test_a_budget_that_closes_meanwhile_has_the_node_given_back(fleet):
    node = fleet.node()
    for number in range(2):
        fleet.pod(f"model-{number}", node, gpus=1, labels={"app": "pair"})
    fleet.plane.budget(fleet.namespace, "pair", 1)
    left = fleet.do("drained", node)
    assert (left["state"], left["changed"]) == ("busy", True)
    assert len(left["evicted"]) == 1
    assert "disruption budget" in left["busy"]
    assert in_service(fleet, node)
    assert len(fleet.pods()) == 1


@pytest.mark.parametrize(
    ("extra", "option", "words"),
    [
        (
            {"annotations": {"gpu-observability.openhands.dev/wait-for-completion": "true"}},
            {"wait_for": ""},
            "asks to be waited for",
        ),
        ({"owner": ""}, {"delete_unmanaged": True}, "nobody would make it anew"),
    ],
)
def test_a_pod_that_must_not_be_lost_keeps_the_node_in_service(fleet, extra, option, words):
    node = fleet.node()
    fleet.pod("job", node, gpus=1, **extra)
    left = fleet.do("drained", node)
    assert left["state"] == "busy"
    assert words in left["busy"]
    assert in_service(fleet, node)
    assert fleet.do("drained", node, drain=option)["state"] == "drained"


def test_a_busy_node_is_waited_for_where_that_is_asked(fleet):
    node = fleet.node()
    fleet.pod("job", node, gpus=1, annotations={"wait": "true"})
    wish = {"busy": "wait", "wait_timeout": 30, "wait_for": "wait"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    )
    process.stdin.write(fleet.text("drained", node, drain=wish))
    process.stdin.close()
    time.sleep(1)
    assert process.poll() is None
    fleet.plane.client.send("DELETE", f"/api/v1/namespaces/{fleet.namespace}/pods/job")
    assert process.wait(30) == 0
    assert fleet.record(node).state == "drained"


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT / ".collections")}


def test_a_pod_that_never_ends_is_named_and_the_node_given_back(fleet):
    node = fleet.node()
    fleet.pod("stuck", node, finalizers=["example.org/never"])
    left = fleet.do("drained", node)
    assert left["state"] == "busy"
    assert "held by the finalizers example.org/never" in left["busy"]
    assert in_service(fleet, node)
    pod = f"/api/v1/namespaces/{fleet.namespace}/pods/stuck"
    fleet.plane.client.send("PATCH", pod, {"metadata": {"finalizers": None}}, None, "application/merge-patch+json")


def test_a_reboot_is_waited_for_and_a_node_that_dies_stays_cordoned_with_its_reason(fleet):
    node = fleet.node()
    fleet.do("drained", node)
    with pytest.raises(RolloutError, match=r"has not come back.*has not booted anew"):
        fleet.do("returned", node, ready_timeout=0)
    fleet.patch(node, {"status": {"nodeInfo": {"bootID": "second"}}}, "/status")
    assert fleet.do("returned", node)["state"] == "drained"

    fleet.patch(node, {"metadata": {"labels": {"kubelet": "dead"}}})
    fleet.patch(node, {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, "/status")
    with pytest.raises(RolloutError, match=r"not fit to take work.*doesn't report it as ready\. It stays cordoned"):
        fleet.do("released", node, ready_timeout=0)
    failed = fleet.do("failed", node, reason="died during its reboot")
    assert failed["changed"]
    live = fleet.get(node)
    assert live["spec"]["unschedulable"] is True
    assert (
        live["metadata"]["annotations"]["gpu-observability.openhands.dev/maintenance-failed"]
        == "died during its reboot"
    )
    events = fleet.plane.client.get(
        "/api/v1/namespaces/default/events", {"fieldSelector": f"involvedObject.name={node}"}
    )
    assert [event["message"] for event in events["items"]] == ["died during its reboot"]
    assert not fleet.do("failed", node, reason="died during its reboot")["changed"]

    # Mended by somebody, and run again.
    fleet.patch(node, {"metadata": {"labels": {"kubelet": None}}})
    until(lambda: fleet.get(node)["status"]["conditions"][0]["status"] == "True")
    assert fleet.do("drained", node)["state"] == "drained"
    fleet.do("released", node)
    assert in_service(fleet, node)


def test_a_node_is_not_given_back_before_it_offers_its_gpus(fleet):
    node = fleet.node()
    fleet.do("drained", node)
    with pytest.raises(RolloutError, match="it offers 8 of 16 GPUs"):
        fleet.do("released", node, expected_gpus=16, ready_timeout=0)
    assert fleet.get(node)["spec"]["unschedulable"] is True


def test_a_failed_node_that_is_busy_later_stays_cordoned(fleet):
    node = fleet.node()
    fleet.do("drained", node)
    fleet.do("failed", node, reason="the module does not load")
    fleet.pod("late", node, annotations={"gpu-observability.openhands.dev/wait-for-completion": "true"})
    assert fleet.do("drained", node)["state"] == "busy"
    assert fleet.record(node).state == "failed"
    assert fleet.get(node)["spec"]["unschedulable"] is True


def test_a_node_that_is_not_ready_is_left_alone(fleet):
    node = fleet.node()
    fleet.patch(node, {"metadata": {"labels": {"kubelet": "dead"}}})
    fleet.patch(node, {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, "/status")
    assert fleet.do("drained", node)["busy"] == "it isn't ready: mend it first"
    assert in_service(fleet, node)


def test_the_budget_counts_those_that_are_out_of_service_already(fleet):
    nodes = [fleet.node() for _ in range(3)]
    for node in nodes:
        fleet.patch(node, {"metadata": {"labels": {"hall": fleet.namespace}}})
    wish = {"budget": "1", "fleet": f"hall={fleet.namespace}"}
    fleet.patch(nodes[2], {"spec": {"unschedulable": True}})
    left = fleet.do("drained", nodes[0], **wish)
    assert left["busy"] == f"1 of 3 nodes are out of service ({nodes[2]}), and the budget is 1"
    assert in_service(fleet, nodes[0])
    fleet.patch(nodes[2], {"spec": {"unschedulable": None}})
    assert fleet.do("drained", nodes[0], **wish)["state"] == "drained"
    assert fleet.do("drained", nodes[1], **wish)["state"] == "busy"
    # The one that is out goes on, whatever it counts itself.
    assert fleet.do("drained", nodes[0], **wish)["state"] == "drained"


def test_two_runs_do_not_meet(fleet):
    node, other = fleet.node(), fleet.node()
    fleet.do("drained", node)
    with pytest.raises(RolloutError, match=r"Another run has nodes of this cluster .* run run-one, at work"):
        fleet.do("drained", other, run="run-two")
    assert in_service(fleet, other)
    assert fleet.do("inspected", other, run="run-two")["state"] == "in_service"


def test_a_run_that_was_killed_is_gone_on_with(fleet):
    node = fleet.node()
    fleet.pod("slow", node, gpus=1, finalizers=["example.org/hold"])
    asked = fleet.text("drained", node, drain={"timeout": 60}, lease_seconds=2)
    process = subprocess.Popen([sys.executable, "-c", PROCESS], stdin=subprocess.PIPE, text=True, env=environment())
    process.stdin.write(asked)
    process.stdin.close()
    until(lambda: (fleet.record(node) or fleet).__dict__.get("state") == "draining")
    process.kill()
    process.wait()
    assert fleet.get(node)["spec"]["unschedulable"] is True
    pod = f"/api/v1/namespaces/{fleet.namespace}/pods/slow"
    fleet.plane.client.send("PATCH", pod, {"metadata": {"finalizers": None}}, None, "application/merge-patch+json")
    time.sleep(2.5)
    fleet.run = "run-two"
    gone = fleet.do("drained", node)
    assert (gone["state"], gone["cordoned_by_us"]) == ("drained", True)
    fleet.do("released", node)
    assert in_service(fleet, node)


def test_a_node_that_does_not_exist_is_named(fleet):
    with pytest.raises(RolloutError, match=r"no node nowhere.*platform_node_name"):
        fleet.do("drained", "nowhere")
