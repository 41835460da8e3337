# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How refusals about fixed fields are recognised, and what a run does about them."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _immutable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from engine_case import CONFIG_MAP, HOME, changes, rollout
from fake_server import FakeServer

PATH = HOME + "configmaps/one"
PERMITTED = {"recreate": [{"kind": "ConfigMap", "name": "one"}]}
SECOND = (CONFIG_MAP % "one").replace("a: one", "a: two")


@pytest.mark.parametrize(
    "message",
    [
        "field is immutable",
        "field is immutable when `immutable` is set",
        "may not change once set",
        "may not be changed in an update.",
        "updates to parameters are forbidden.",
        "updates to statefulset spec for fields other than 'replicas', 'template' are forbidden",
        "pod updates may not change fields other than `spec.containers[*].image`",
        "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
        "cannot change roleRef",
        "Value is immutable",
        "failed rule: self == oldSelf",
    ],
)
def test_servers_say_it_in_many_ways(message):
    assert _immutable.FIXED.search(message)


@pytest.mark.parametrize("message", ["Required value", "must be no more than 63 characters", "unknown field"])
def test_other_faults_are_others(message):
    assert not _immutable.FIXED.search(message)


def fixed(field: str = "data", message: str = "field is immutable") -> ApiError:
    return ApiError(422, "Invalid", "no", {"causes": [{"field": field, "message": message}]})


@pytest.fixture
def server() -> FakeServer:
    made = FakeServer("here")
    rollout(made, CONFIG_MAP % "one")
    made.writes.clear()
    made.refuse["DRY " + PATH] = [fixed()]
    return made


def test_it_is_named_with_what_to_do(server):
    with pytest.raises(InvalidInput) as caught:
        rollout(server, SECOND)
    assert 'data.a: can\'t be changed: it is "one", the set has "two"' in caught.value.message
    assert "recreate: [{kind: ConfigMap, name: one, namespace: here}]" in caught.value.message
    assert server.writes == []


@pytest.mark.parametrize("field", ["spec.template", "spec.template.spec.containers"])
def test_a_secret_that_is_only_in_the_live_object_is_not_told(field):
    workload = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: load}
spec: {template: {spec: {containers: [{name: c, image: %s, env: [{name: DB_PASSWORD, value: %s}]}]}}}
"""
    made = FakeServer("here")
    rollout(made, workload % ("one", "hunter-2-before"))
    made.refuse["DRY /apis/apps/v1/namespaces/here/deployments/load"] = [fixed(field)]
    with pytest.raises(InvalidInput) as caught:
        rollout(made, workload % ("two", "hunter-2-after"))
    assert 'it is "one", the set has "two"' in caught.value.message
    assert "hunter-2" not in caught.value.message
    assert "********" in caught.value.message


def test_a_second_fault_is_said_too(server):
    causes = [{"field": "data", "message": "field is immutable"}, {"field": "metadata.x", "message": "is wrong"}]
    server.refuse["DRY " + PATH] = [ApiError(422, "Invalid", "no", {"causes": causes})]
    with pytest.raises(InvalidInput, match=r"metadata\.x: is wrong"):
        rollout(server, SECOND, **PERMITTED)
    assert server.writes == []


def test_permitted_it_is_created_again(server):
    result = rollout(server, SECOND, **PERMITTED)
    assert changes(result) == {"one": "configured"}
    assert [write for write in server.writes if write[1] == PATH] == [("DELETE", PATH), ("PATCH", PATH)]
    assert server.get(PATH)["data"] == {"a": "two"}


def test_check_mode_only_tells(server):
    result = rollout(server, SECOND, check_mode=True, diff=True, **PERMITTED)
    assert "deleted and created again, as data.a can't be changed" in result["warnings"][0]
    assert "two" in result["diff"][0]["after"]
    assert server.writes == []


def test_what_its_controllers_wrote_meanwhile_is_no_obstacle(server):
    server.refuse["DELETE " + PATH] = [ApiError(409, "Conflict", "the UID or version in the precondition")]
    assert changes(rollout(server, SECOND, **PERMITTED)) == {"one": "configured"}


def test_what_somebody_changed_meanwhile_is_not_deleted(server):
    original = server.send

    def send(method, path, *rest, **more):
        if method == "DELETE":
            server.put(path, {"data": {"b": "theirs"}}, "person")
            raise ApiError(409, "Conflict", "the version in the precondition")
        return original(method, path, *rest, **more)

    server.send = send
    with pytest.raises(InvalidInput, match="was changed by somebody while it was to be deleted"):
        rollout(server, SECOND, **PERMITTED)
    assert PATH in server.wishes


def test_what_cannot_be_created_again_is_said(server):
    server.refuse["PATCH " + PATH] = [ApiError(403, "Forbidden", "quota exceeded")]
    with pytest.raises(RolloutError, match="was deleted and couldn't be created again: quota exceeded; run again"):
        rollout(server, SECOND, **PERMITTED)
    assert changes(rollout(server, SECOND)) == {"one": "created"}


def test_a_refused_deletion_is_said(server):
    server.refuse["DELETE " + PATH] = [ApiError(403, "Forbidden", "no right")]
    with pytest.raises(InvalidInput, match="deleting it was refused: no right"):
        rollout(server, SECOND, **PERMITTED)


def test_what_comes_to_light_only_at_the_write_is_not_deleted(server):
    server.refuse = {"PATCH " + PATH: [fixed()]}
    with pytest.raises(InvalidInput, match="came to light only now: run again"):
        rollout(server, SECOND, **PERMITTED)
    assert PATH in server.wishes
