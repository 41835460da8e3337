# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand pods are explained by a handful of calls, and the one that tells most is still found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _pages
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes import crowd
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import Code
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.look import Look
from ansible_collections.openhands.gpu_observability.plugins.module_utils._explain import diagnose
from fake_cluster import FakeCluster

RUNNING = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
STARTING = {"phase": "Pending"}
CRASHED = {
    "phase": "Running",
    "containerStatuses": [
        {
            "name": "c",
            "restartCount": 2,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1}},
        }
    ],
}


def metadata(name: str, **rest: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "agents", "uid": "uid-" + name, **rest}


def pod(number: int, status: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(f"agent-{number:04}", ownerReferences=[{"uid": "uid-agent"}], managedFields=[{"a": 1}]),
        "spec": {"nodeName": f"node-{number:04}", "containers": [{"name": "c"}]},
        "status": dict(status),
    }


def daemon_set() -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": metadata("agent", generation=1),
        "spec": {"selector": {"matchLabels": {"app": "agent"}}},
        "status": {"observedGeneration": 1},
    }


def warning(number: int, reason: str, message: str) -> dict[str, Any]:
    about = {"uid": f"uid-agent-{number:04}", "kind": "Pod"}
    body = {"apiVersion": "v1", "kind": "Event", "metadata": metadata(f"event-{number}"), "involvedObject": about}
    return {**body, "type": "Warning", "reason": reason, "message": message, "lastTimestamp": "2026-11-23T04:00:00Z"}


class Paged(FakeCluster):
    """Gives pods in pages, as a server does when a limit is named."""

    def __init__(self, *objects: Any) -> None:
        super().__init__(*objects)
        self.queries: list[dict[str, str]] = []

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        wanted = dict(query or {})
        self.queries.append(wanted)
        answer = super().get(path, {key: value for key, value in wanted.items() if key == "fieldSelector"})
        if not path.endswith("/pods") or "limit" not in wanted:
            return answer
        start = int(wanted.get("continue", 0))
        end = start + int(wanted["limit"])
        more = {"continue": str(end)} if end < len(answer["items"]) else {}
        return {"metadata": more, "items": answer["items"][start:end]}


def test_a_thousand_pods_that_start_cost_a_handful_of_calls() -> None:
    cluster = Paged(*(pod(number, STARTING) for number in range(1000)))
    cause = diagnose(Look(cluster), daemon_set())
    assert cause is not None
    assert cause.text == "pod agent-0000: node node-0000 has not started it yet"
    assert len(cluster.queries) <= 6
    assert {"labelSelector": "app=agent", "limit": str(_pages.SIZE)} in cluster.queries


@pytest.mark.parametrize("odd", [0, 501, 999])
def test_the_one_that_crashes_among_a_thousand_is_found(odd: int) -> None:
    cluster = Paged(*(pod(number, CRASHED if number == odd else STARTING) for number in range(1000)))
    cause = diagnose(Look(cluster), daemon_set())
    assert cause is not None
    assert cause.code is Code.CRASH_LOOP
    assert f"agent-{odd:04}" in cause.text
    assert len(cluster.queries) <= 10


def test_the_one_that_was_warned_of_among_a_thousand_is_found() -> None:
    said = 'MountVolume.SetUp failed for volume "c" : configmap "nope" not found'
    cluster = Paged(*(pod(number, STARTING) for number in range(1000)), warning(777, "FailedMount", said))
    cause = diagnose(Look(cluster), daemon_set())
    assert cause is not None
    assert cause.code is Code.REFERENCE_MISSING
    assert "agent-0777" in cause.text


def test_pods_that_are_well_are_not_kept_and_nobodys_bookkeeping_is() -> None:
    cluster = Paged(*(pod(number, RUNNING if number % 100 else STARTING) for number in range(1000)))
    look = Look(cluster)
    kept = look.owned("Pod", daemon_set(), "app=agent", keep=lambda one: one["status"] == STARTING)
    assert [one["metadata"]["name"] for one in kept] == [f"agent-{number:04}" for number in range(0, 1000, 100)]
    assert not any("managedFields" in one["metadata"] for one in kept)


def test_few_pods_are_all_looked_at() -> None:
    pods = [pod(number, STARTING) for number in range(crowd.CLOSER)]
    cluster = FakeCluster()
    assert crowd.telling(Look(cluster), pods) == pods
    assert cluster.asked == []


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        (("apps/v1", "DaemonSet"), {"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2"),
        (
            ("batch/v1", "Job"),
            {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}},
            "batch.kubernetes.io/controller-uid=u",
        ),
        (
            ("apps/v1", "Deployment"),
            {
                "matchLabels": {"a": "1"},
                "matchExpressions": [
                    {"key": "b", "operator": "In", "values": ["x", "y"]},
                    {"key": "c", "operator": "NotIn", "values": ["z"]},
                    {"key": "d", "operator": "Exists"},
                    {"key": "e", "operator": "DoesNotExist"},
                ],
            },
            "a=1,b in (x,y),c notin (z),d,!e",
        ),
        (("monitoring.coreos.com/v1", "ServiceMonitor"), {"matchLabels": {"a": "1"}}, ""),
        (("apps/v1", "DaemonSet"), {}, ""),
    ],
)
def test_a_workload_finds_its_pods_by_its_selector(kind: tuple[str, str], spec: Any, expected: str) -> None:
    assert crowd.selector({"apiVersion": kind[0], "kind": kind[1], "spec": {"selector": spec}}) == expected
