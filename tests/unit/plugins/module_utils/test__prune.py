# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What left the set: deleted once the new set is current, kept with a reason otherwise."""

from __future__ import annotations

import json

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from engine_case import CONFIG_MAP, HOME, changes, rollout
from fake_server import FakeServer

RECORD = HOME + "configmaps/rollout-inventory-demo"
ONE, TWO = CONFIG_MAP % "one", CONFIG_MAP % "two"
CLAIM = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n"
BOTH = ONE + "\n---\n" + TWO
ALLOWED = [{"kind": "PersistentVolumeClaim", "name": "data"}]


@pytest.fixture
def server() -> FakeServer:
    made = FakeServer("here")
    rollout(made, BOTH)
    made.writes.clear()
    return made


def recorded(server: FakeServer) -> list[str]:
    return [entry["name"] for entry in json.loads(server.get(RECORD)["data"]["objects.json"])]


def label(component: str) -> dict:
    return {"metadata": {"labels": {"gpu-observability.openhands.dev/component": component}}}


def test_it_goes_and_leaves_the_record(server):
    result = rollout(server, ONE, wait=True, wait_timeout=5)
    assert changes(result) == {"one": "unchanged", "two": "deleted"}
    assert result["changed"]
    assert result["verdict"] == "current"
    assert HOME + "configmaps/two" not in server.wishes
    assert recorded(server) == ["one"]
    again = rollout(server, ONE)
    assert not again["changed"]
    assert changes(again) == {"one": "unchanged"}


def test_check_mode_predicts_it(server):
    result = rollout(server, ONE, check_mode=True, diff=True)
    assert changes(result) == {"one": "unchanged", "two": "deleted"}
    assert result["diff"][0]["after"] == ""
    assert server.writes == []


def test_an_empty_set_prunes_nothing(server):
    result = rollout(server, "")
    assert "nothing is deleted" in result["warnings"][0]
    assert server.writes == []


def test_a_set_that_is_not_current_prunes_nothing(server):
    server.extra[HOME + "configmaps/one"] = {"metadata": {"generation": 2}, "status": {"observedGeneration": 1}}
    result = rollout(server, ONE, wait=False)
    assert changes(result)["two"] == "skipped"
    assert HOME + "configmaps/two" in server.wishes
    assert "two" in recorded(server)
    with pytest.raises(RolloutError):
        rollout(server, ONE, wait=True, wait_timeout=1)
    assert HOME + "configmaps/two" in server.wishes


def test_prune_off_keeps_all_and_says_so(server):
    result = rollout(server, ONE, prune=False)
    assert not result["changed"]
    assert "ConfigMap here/two (kept: prune is off)" in result["warnings"][0]
    assert recorded(server) == ["one", "two"]


def test_data_is_kept_until_it_is_named(server):
    rollout(server, ONE + "\n---\n" + CLAIM)
    for _time in (1, 2):
        result = rollout(server, ONE)
        assert changes(result)["data"] == "skipped"
        assert "deleting a PersistentVolumeClaim deletes data" in result["warnings"][0]
        assert "delete_data: [{kind: PersistentVolumeClaim, name: data, namespace: here}]" in result["warnings"][0]
    result = rollout(server, ONE, delete_data=ALLOWED)
    assert changes(result)["data"] == "deleted"
    result = rollout(server, ONE, delete_data=ALLOWED)
    assert not result["changed"]
    assert "delete_data: PersistentVolumeClaim data is nothing that this component has here" in result["warnings"][0]


def test_what_others_own_now_stays_and_leaves_the_record(server):
    server.put(HOME + "configmaps/two", label("other"))
    server.wishes[HOME + "configmaps/two"].pop("openhands-gpu-observability")
    result = rollout(server, ONE)
    assert "it belongs to the component other now" in result["warnings"][0]
    assert HOME + "configmaps/two" in server.wishes
    assert recorded(server) == ["one"]


def test_another_object_of_the_same_name_stays(server):
    body = json.loads(server.get(RECORD)["data"]["objects.json"])
    body = [{**entry, "uid": "earlier"} if entry["name"] == "two" else entry for entry in body]
    server.wishes[RECORD]["openhands-gpu-observability"]["data"]["objects.json"] = json.dumps(body)
    result = rollout(server, ONE)
    assert "somebody else created it anew" in result["warnings"][0]
    assert HOME + "configmaps/two" in server.wishes
    assert recorded(server) == ["one"]


def test_what_is_also_on_another_record_stays(server):
    moved = {"metadata": {"labels": {"gpu-observability.openhands.dev/component": "other"}}}
    moved["data"] = {"objects.json": server.get(RECORD)["data"]["objects.json"]}
    server.put(HOME + "configmaps/rollout-inventory-other", moved)
    result = rollout(server, ONE)
    assert "on record of the component other too" in result["warnings"][0]
    assert HOME + "configmaps/two" in server.wishes


def test_children_go_with_their_owner(server):
    owner = {"kind": "Widget", "name": "w", "controller": True}
    server.extra[HOME + "configmaps/two"] = {"metadata": {"ownerReferences": [owner]}}
    result = rollout(server, ONE)
    assert "it goes with Widget w, which owns it" in result["warnings"][0]
    assert HOME + "configmaps/two" in server.wishes


def test_a_refused_deletion_is_said_and_stays_on_record(server):
    server.refuse["DELETE " + HOME + "configmaps/two"] = [ApiError(403, "Forbidden", "no right to")]
    with pytest.raises(RolloutError, match=r"new set is current, but 1 objects that left it are not gone:\n.*no right"):
        rollout(server, ONE)
    assert recorded(server) == ["one", "two"]


def test_the_record_of_another_component_is_not_ours(server):
    server.put(RECORD, label("de_mo"))
    server.wishes[RECORD].pop("openhands-gpu-observability")
    with pytest.raises(RolloutError, match="is the record of the component de_mo, not of demo"):
        rollout(server, ONE)


def test_what_holds_data_cannot_be_recreated(server):
    with pytest.raises(InvalidInput, match="can't be permitted: deleting a PersistentVolumeClaim deletes data"):
        rollout(server, CLAIM, recreate=ALLOWED)
