# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DaemonSet on a thousand nodes: its rollout, its update and an update that gets stuck are followed to the end."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import pytest
from integration.scale.control_plane import ControlPlane, Report

MEMORY_MB = 120
PATIENCE = 150
CALLS_PER_LOOK = 14
"""A closer look's calls: pages of pods, the DaemonSet's events, the warnings, and events of a few pods."""
LOOKS_APART = 2.0
PAGE_OF_PODS = 2_500_000
"""Bytes that 500 pods take at most."""


def daemon_set(image: str, kubelet: str = "runs") -> dict[str, Any]:
    """An agent for every node. Its pods have a readiness probe, so that being ready is believed at once."""
    labels = {"app": "agent", "kubelet": kubelet}
    container = {"name": "agent", "image": f"example.org/agent:{image}", "readinessProbe": {"tcpSocket": {"port": 80}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent"},
        "spec": {
            "selector": {"matchLabels": {"app": "agent"}},
            "updateStrategy": {"rollingUpdate": {"maxUnavailable": "40%"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    # New nodes are tainted by admission, and the controller that would untaint them isn't running.
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [container],
                },
            },
        },
    }


class Witness(threading.Thread):
    """Notes when the DaemonSet's status first said that all its pods are updated and available."""

    def __init__(self, plane: ControlPlane, namespace: str, wanted: int, generation: int) -> None:
        super().__init__(daemon=True)
        self.plane = plane
        self.path = f"/apis/apps/v1/namespaces/{namespace}/daemonsets"
        self.wanted = wanted
        self.generation = generation
        self.seen: float | None = None

    def run(self) -> None:
        """Watch until it is seen."""
        deadline = time.monotonic() + PATIENCE
        while self.seen is None and time.monotonic() < deadline:
            for event in self.plane.client.watch(self.path, {}, 10):
                status = event["object"].get("status", {})
                done = (status.get("updatedNumberScheduled"), status.get("numberAvailable")) == (self.wanted,) * 2
                if done and status.get("observedGeneration") == self.generation:
                    self.seen = time.time()
                    return


def follow(plane: ControlPlane, namespace: str, nodes: int, image: str, generation: int) -> tuple[Report, float]:
    """Roll a version out; the report, and how many seconds after the status the run ended."""
    witness = Witness(plane, namespace, nodes, generation)
    witness.start()
    report = plane.rollout([daemon_set(image)], namespace, wait_timeout=PATIENCE)
    show(f"{image} on {nodes} nodes", report)
    assert "msg" not in report.result, report.result["msg"]
    witness.join(10)
    assert witness.seen is not None
    late = report.ended - witness.seen
    print(f"    current {late:.2f} s after the status said so")
    return report, late


def show(name: str, report: Report) -> None:
    """Lines for the person who reads the log."""
    print(
        f"{name}: {report.total} calls, {report.received / 1e6:.1f} MB in, {report.peak_mb:.0f} MB held,"
        f" {report.seconds:.1f} s"
    )
    for second, line in report.lines:
        print(f"    {second:6.1f} {line}")


def check_cost(report: Report) -> None:
    """However many pods there are, a look at them is a handful of calls, and there is one every few seconds."""
    looks = report.seconds / LOOKS_APART + 2
    reading = sum(count for call, count in report.calls.items() if call in ("list pods", "list events", "get secrets"))
    assert reading <= looks * CALLS_PER_LOOK, report.calls
    assert report.received <= looks * 2 * PAGE_OF_PODS
    assert report.peak_mb < MEMORY_MB


def check_lines(report: Report, nodes: int) -> None:
    """Progress is told every few seconds, in numbers that fit."""
    waiting = [(second, line) for second, line in report.lines if "waiting for DaemonSet" in line]
    assert waiting, report.lines
    assert len(waiting) <= report.seconds / 5 + 2
    for _second, line in waiting:
        counted = re.search(r"(\d+) of (\d+) pods", line)
        assert counted or "its controller has not looked at" in line, line
        if counted:
            assert int(counted[1]) < int(counted[2]) <= nodes


@pytest.fixture(scope="module")
def namespace(plane: ControlPlane) -> str:
    """A namespace for the agent."""
    return plane.namespace("agents")


@pytest.fixture(scope="module")
def running(plane: ControlPlane, nodes: int, namespace: str) -> tuple[Report, float]:
    """The first rollout."""
    return follow(plane, namespace, nodes, "1", 1)


def test_a_first_rollout_is_followed_to_the_end(running: tuple[Report, float], nodes: int) -> None:
    report, late = running
    assert (report.result["verdict"], report.counts) == ("current", {"created": 1})
    check_cost(report)
    check_lines(report, nodes)
    # The aim of 0.3 s is measured by make bench; here the machine is as busy as a thousand nodes make it.
    assert late < 3


def test_nothing_is_asked_about_pods_that_are_well(plane: ControlPlane, running, namespace: str) -> None:
    report = plane.rollout([daemon_set("1")], namespace)
    show("again", report)
    assert (report.result["verdict"], report.counts) == ("current", {"unchanged": 1})
    assert not [call for call in report.calls if "pods" in call or "events" in call]
    assert report.received < 200_000


def test_an_update_is_followed_to_the_end(plane: ControlPlane, running, nodes: int, namespace: str) -> None:
    report, late = follow(plane, namespace, nodes, "2", 2)
    assert (report.result["verdict"], report.counts) == ("current", {"configured": 1})
    check_cost(report)
    check_lines(report, nodes)
    assert late < 3


def test_an_update_that_gets_stuck_is_explained(plane: ControlPlane, running, nodes: int, namespace: str) -> None:
    """Hundreds of pods that never start are one sentence that names one of them."""
    report = plane.rollout([daemon_set("3", kubelet="never")], namespace, wait_timeout=12)
    show("stuck", report)
    assert report.verdicts == {"in_progress": 1}
    said = report.result["msg"].splitlines()[-1]
    assert re.search(r"of 1000 pods updated: pod agent-\w+: node node-\d{4} has not started it yet$", said), said
    check_cost(report)
