# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where objects stand, and the parts that several plugins share."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _info, _parallel, _rollout_result
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Status
from engine_case import CONFIG_MAP, HOME, rollout
from fake_server import FakeServer


@pytest.fixture
def server() -> FakeServer:
    made = FakeServer("here")
    rollout(made, CONFIG_MAP % "one")
    return made


def test_a_component_is_read_from_its_record(server):
    result = _info.run({"component": "demo", "inventory_namespace": "here"}, client=server)
    assert result["objects"] == [
        {
            "api_version": "v1",
            "kind": "ConfigMap",
            "namespace": "here",
            "name": "one",
            "verdict": "current",
            "reason": "",
        }
    ]
    assert result["verdict"] == "current"
    assert not result["changed"]


def test_what_is_gone_is_not_found(server):
    del server.wishes[HOME + "configmaps/one"]
    server.kinds = [kind for kind in server.kinds if kind.kind != "Secret"]
    result = _info.run({"component": "demo", "inventory_namespace": "here"}, client=server)
    assert result["verdict"] == "not_found"


def test_a_component_without_record_is_an_error(server):
    with pytest.raises(RolloutError, match="no ConfigMap rollout-inventory-other in the namespace default"):
        _info.run({"component": "other"}, client=server)


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        ({"kind": "ConfigMap", "namespace": "here", "name": "one"}, ["one"]),
        ({"kind": "ConfigMap", "namespace": "here", "name": "none"}, ["none"]),
        ({"kind": "ConfigMap", "namespace": "here"}, ["one", "rollout-inventory-demo"]),
        ({"kind": "Namespace", "name": "here", "namespace": "ignored"}, ["here"]),
        ({"api_version": "apps/v1", "kind": "Deployment", "namespace": "here", "label_selector": "a=b"}, []),
    ],
)
def test_any_object_can_be_named(server, entry, names):
    for path, wishes in server.wishes.items():
        namespace = path.split("/")[4] if "/namespaces/" in path and path.count("/") > 4 else ""
        for body in wishes.values():
            body.setdefault("metadata", {}).setdefault("namespace", namespace)
    result = _info.run({"resources": [entry]}, client=server)
    assert sorted(found["name"] for found in result["objects"]) == names
    expected = {"none": "not_found"}
    assert {found["name"]: found["verdict"] for found in result["objects"]} == {
        name: expected.get(name, "current") for name in names
    }


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"kind": "Zebra"}, "No kind Zebra in v1 on this server"),
        ({"kind": "Deployment"}, "this server has Deployment in apps/v1"),
        ({"kind": "ConfigMap", "name": "one"}, "namespace is missing"),
    ],
)
def test_what_cannot_be_looked_at_is_said(server, entry, message):
    with pytest.raises(RolloutError, match=message):
        _info.run({"resources": [entry]}, client=server)


def test_a_recorded_kind_that_is_gone_is_not_found(server):
    server.kinds = [kind for kind in server.kinds if kind.kind != "ConfigMap"]
    result = _info.run({"component": "demo", "inventory_namespace": "here"}, client=server)
    assert "no kind ConfigMap in v1" in result["objects"][0]["reason"]


def test_the_worst_status_speaks_for_all():
    assert _rollout_result.overall([]) is Status.CURRENT
    assert _rollout_result.overall([Status.CURRENT, Status.IN_PROGRESS]) is Status.IN_PROGRESS
    assert _rollout_result.overall([Status.FAILED, Status.TERMINATING]) is Status.FAILED


def test_calls_run_side_by_side_and_keep_their_order():
    barrier = threading.Barrier(4, timeout=10)

    def call(number: int) -> int:
        barrier.wait()
        return number * 2

    assert _parallel.each(call, [1, 2, 3, 4], workers=4) == [2, 4, 6, 8]
    assert _parallel.each(call, [], workers=4) == []


def test_the_first_error_is_raised():
    def call(number: int) -> int:
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"[123]"):
        _parallel.each(call, [1, 2, 3])
