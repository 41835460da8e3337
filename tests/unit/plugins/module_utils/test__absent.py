# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a component away."""

from __future__ import annotations

import json

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from engine_case import CONFIG_MAP, HOME, changes, rollout
from fake_server import FakeServer

SET = "\n---\n".join(
    [
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: own}\n",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner}\n",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: bind}\n",
        CONFIG_MAP % "one",
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n",
    ]
)
RECORD = HOME + "configmaps/rollout-inventory-demo"


@pytest.fixture
def server() -> FakeServer:
    made = FakeServer("here")
    rollout(made, SET)
    made.writes.clear()
    return made


def test_last_stage_first_then_the_record_and_data_stays(server):
    result = rollout(server, "", state="absent", wait=True, wait_timeout=5)
    assert server.writes[0][1].endswith("/bind")
    assert server.writes[-1] == ("PATCH", RECORD)
    assert [entry["name"] for entry in json.loads(server.get(RECORD)["data"]["objects.json"])] == ["own", "data"]
    assert changes(result) == {
        "bind": "deleted",
        "one": "deleted",
        "runner": "deleted",
        "data": "skipped",
        "own": "skipped",
    }
    assert result["changed"]
    assert "deleting a Namespace deletes data" in result["warnings"][0]
    assert HOME + "persistentvolumeclaims/data" in server.wishes


def test_a_second_time_is_no_change(server):
    rollout(server, SET, state="absent")
    server.writes.clear()
    result = rollout(server, SET, state="absent")
    assert not result["changed"]
    assert server.writes == []
    assert changes(result)["one"] == "unchanged"


def test_check_mode_only_tells(server):
    result = rollout(server, "", state="absent", check_mode=True, diff=True)
    assert changes(result)["one"] == "deleted"
    assert server.writes == []


def test_what_others_made_stays(server):
    server.put(HOME + "configmaps/two", {"data": {}})
    result = rollout(server, CONFIG_MAP % "two", state="absent")
    assert changes(result)["two"] == "skipped"
    assert HOME + "configmaps/two" in server.wishes


def test_an_object_that_goes_by_itself_is_no_error(server):
    server.refuse["DELETE " + HOME + "configmaps/one"] = [ApiError(404, "NotFound", "gone")]
    assert rollout(server, "", state="absent")["changed"]
    server.put(HOME + "configmaps/one", {"metadata": {"labels": {}}})


def test_a_refused_deletion_is_said(server):
    server.refuse["DELETE " + HOME + "configmaps/one"] = [ApiError(403, "Forbidden", "no right to")]
    with pytest.raises(RolloutError, match="no right to"):
        rollout(server, "", state="absent")
    assert RECORD in server.wishes


def test_what_does_not_go_is_named_and_stays_on_record(server):
    keep = {"metadata": {"deletionTimestamp": "now", "finalizers": ["example.org/hold"]}}
    path = HOME + "configmaps/one"
    server.extra[path] = keep
    original = server.send

    def send(method, target, *rest, **more):
        return {} if (method, target) == ("DELETE", path) else original(method, target, *rest, **more)

    server.send = send
    with pytest.raises(RolloutError) as caught:
        rollout(server, "", state="absent", wait=True, wait_timeout=2)
    assert "did not become gone within 2 s" in caught.value.message
    assert "ConfigMap here/one" in caught.value.message
    assert RECORD in server.wishes


def test_a_wrong_manifest_is_said_before_anything_goes(server):
    with pytest.raises(InvalidInput):
        rollout(server, "kind: ConfigMap\napiVersion: v1\n", state="absent")
    assert server.writes == []
