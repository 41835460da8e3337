# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of each pod of a node."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes.pods import (
    Choice,
    blocking,
    holds_gpu,
    identity,
    sort,
)


def pod(name="p", owner="ReplicaSet", spec=None, **metadata):
    references = [{"kind": owner, "controller": True}] if owner else []
    return {
        "metadata": {"namespace": "n", "name": name, "ownerReferences": references, **metadata},
        "spec": {"containers": [], **(spec or {})},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def asking(resource, part="limits", where="containers", number="1"):
    return {where: [{"resources": {part: {resource: number}}}]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (asking("nvidia.com/gpu"), True),
        (asking("nvidia.com/gpu.shared"), True),
        (asking("nvidia.com/mig-1g.10gb", "requests"), True),
        (asking("nvidia.com/gpu", where="initContainers"), True),
        ({"resourceClaims": [{"name": "g"}]}, True),
        (asking("nvidia.com/hostdev"), False),
        (asking("nvidia.com/gpu", number="0"), False),
        (asking("nvidia.com/gpu", number=0), False),
        (asking("cpu"), False),
        ({}, False),
    ],
)
def test_a_gpu_pod_is_known_by_what_it_asks_for(spec, expected):
    assert holds_gpu(pod(spec=spec)) is expected


@pytest.mark.parametrize(
    "staying",
    [
        pod(owner="DaemonSet"),
        pod(owner="Node"),
        pod(annotations={"kubernetes.io/config.mirror": "x"}),
        {**pod(), "status": {"phase": "Succeeded"}},
        {**pod(), "status": {"phase": "Failed"}},
    ],
)
def test_some_pods_stay(staying):
    assert sort([staying], Choice()).leaving == ()


def test_gpu_pods_come_first():
    pods = [pod("a"), pod("z", spec=asking("nvidia.com/gpu"))]
    assert [identity(one) for one in sort(pods, Choice()).leaving] == ["n/z", "n/a"]
    assert [identity(one) for one in sort(pods, Choice(scope="gpu")).leaving] == ["n/z"]


def test_what_would_be_lost_is_refused_unless_it_was_given_up():
    lone, scratch = pod("lone", owner=""), pod("scratch", spec={"volumes": [{"name": "v", "emptyDir": {}}]})
    refused = sort([lone, scratch], Choice()).refused
    assert [(identity(one), why.partition(" (")[2]) for one, why in refused] == [
        ("n/lone", "delete_unmanaged)"),
        ("n/scratch", "delete_empty_dir)"),
    ]
    assert sort([lone, scratch], Choice(delete_unmanaged=True, delete_empty_dir=True)).refused == ()
    going = pod("going", owner="", deletionTimestamp="x")
    assert sort([going], Choice()).refused == ()


WAIT = "gpu-observability.openhands.dev/wait-for-completion"


@pytest.mark.parametrize(
    ("value", "waited"),
    [("true", True), ("True", True), ("yes", True), ("false", False), ("False", False), ("", False)],
)
def test_a_pod_is_waited_for_unless_it_says_that_it_is_not(value, waited):
    assert bool(sort([pod(annotations={WAIT: value})], Choice()).waited_for) is waited


def test_a_pod_that_is_going_is_waited_for_as_one_that_goes():
    going = pod(annotations={WAIT: "true"}, deletionTimestamp="x")
    assert sort([going], Choice()).waited_for == ()
    assert sort([going], Choice()).leaving == (going,)


BUDGET = {"metadata": {"namespace": "n", "name": "b"}, "status": {"disruptionsAllowed": 0}}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"matchLabels": {"app": "x"}}, True),
        ({"matchLabels": {"app": "y"}}, False),
        ({}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["x"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["x"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_a_budget_keeps_the_pods_it_selects(selector, expected):
    budget = {**BUDGET, "spec": {"selector": selector}}
    found = blocking([pod(labels={"app": "x"})], [budget])
    assert found == (["PodDisruptionBudget n/b keeps pod n/p"] if expected else [])


def test_a_budget_of_another_namespace_or_with_room_keeps_nothing():
    away = {**BUDGET, "metadata": {"namespace": "m", "name": "b"}, "spec": {"selector": {}}}
    room = {**BUDGET, "status": {"disruptionsAllowed": 1}, "spec": {"selector": {}}}
    assert blocking([pod()], [away, room]) == []
    closed = {**BUDGET, "spec": {"selector": {}}}
    assert blocking([pod(deletionTimestamp="x")], [closed]) == []


def unready(phase="Running"):
    return {**pod(), "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "False"}]}}


@pytest.mark.parametrize(
    ("one", "policy", "healthy", "kept"),
    [
        (unready("Pending"), None, (0, 1), False),
        (unready(), "AlwaysAllow", (0, 1), False),
        (unready(), "IfHealthyBudget", (0, 1), True),
        (unready(), None, (0, 1), True),
        (unready(), None, (1, 1), False),
        (unready(), None, (0, 0), True),
        (pod(), "AlwaysAllow", (1, 1), True),
    ],
)
def test_a_budget_keeps_what_the_eviction_api_would_refuse(one, policy, healthy, kept):
    spec = {"selector": {}, **({"unhealthyPodEvictionPolicy": policy} if policy else {})}
    status = {"disruptionsAllowed": 0, "currentHealthy": healthy[0], "desiredHealthy": healthy[1]}
    assert bool(blocking([one], [{**BUDGET, "spec": spec, "status": status}])) is kept


def test_two_budgets_for_one_pod_let_nobody_evict_it():
    room = {"spec": {"selector": {}}, "status": {"disruptionsAllowed": 1}}
    two = [{"metadata": {"namespace": "n", "name": name}, **room} for name in "ab"]
    expected = "pod n/p is in the PodDisruptionBudgets n/a, n/b: the API evicts no pod with more than one"
    assert blocking([pod()], two) == [expected]
    assert blocking([unready("Pending")], two) == []
