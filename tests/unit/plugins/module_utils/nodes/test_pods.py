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
        "status": {"phase": "Running"},
    }


def asking(resource, part="limits", where="containers"):
    return {where: [{"resources": {part: {resource: "1"}}}]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (asking("nvidia.com/gpu"), True),
        (asking("nvidia.com/gpu.shared"), True),
        (asking("nvidia.com/mig-1g.10gb", "requests"), True),
        (asking("nvidia.com/gpu", where="initContainers"), True),
        ({"resourceClaims": [{"name": "g"}]}, True),
        (asking("nvidia.com/hostdev"), False),
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
