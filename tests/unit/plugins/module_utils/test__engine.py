# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole engine against a server in memory."""

from __future__ import annotations

import json

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import (
    ConnectionProblem,
    InvalidInput,
    RolloutError,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from engine_case import CONFIG_MAP, HOME, changes, rollout
from fake_server import FakeServer

RECORD = HOME + "configmaps/rollout-inventory-demo"
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions: [{name: v1, served: true}]
"""
WIDGET = "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 1}\n"
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: %s}\n"


def join(*documents: str) -> str:
    return "\n---\n".join(documents)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer("here")


def recorded(server: FakeServer) -> list[str]:
    return [entry["name"] for entry in json.loads(server.get(RECORD)["data"]["objects.json"])]


def test_a_set_goes_out_once(server):
    lines: list[str] = []
    result = rollout(server, join(CONFIG_MAP % "one", CONFIG_MAP % "two"), lines)
    assert result["changed"]
    assert changes(result) == {"one": "created", "two": "created"}
    assert result["counts"]["created"] == 2
    assert result["verdict"] == "current"
    assert lines == ["demo: 2 objects: 2 to create, 0 to change, 0 unchanged", "demo: created 2 ConfigMap"]
    server.writes.clear()
    again = rollout(server, join(CONFIG_MAP % "one", CONFIG_MAP % "two"))
    assert not again["changed"]
    assert server.writes == []


def test_the_record_is_written_before_the_first_object(server):
    rollout(server, CONFIG_MAP % "one")
    assert [path for _method, path in server.writes] == [RECORD, HOME + "configmaps/one", RECORD]
    assert recorded(server) == ["one"]


def test_many_objects_of_a_kind_are_read_by_one_list(server):
    text = join(*[CONFIG_MAP % ("m%d" % number) for number in range(6)])
    rollout(server, text)
    refusal = ApiError(500, "", "a single read")
    server.refuse = {"GET %sconfigmaps/m%d" % (HOME, number): [refusal] for number in range(6)}
    assert not rollout(server, text)["changed"]


def test_a_forbidden_list_is_replaced_by_single_reads(server):
    text = join(*[CONFIG_MAP % ("m%d" % number) for number in range(6)])
    rollout(server, text)
    server.refuse = {"GET %sconfigmaps" % HOME: [ApiError(403, "Forbidden", "no")]}
    assert not rollout(server, text)["changed"]


def test_waiting_reports_every_object(server):
    result = rollout(server, CONFIG_MAP % "one", wait=True, wait_timeout=5)
    assert [entry["verdict"] for entry in result["objects"]] == ["current"]


def test_what_does_not_get_current_fails_with_its_reason(server):
    text = (
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n"
        "spec: {resources: {requests: {storage: 1Gi}}}\n"
    )
    with pytest.raises(RolloutError) as caught:
        rollout(server, text, wait=True, wait_timeout=3)
    assert "demo: 1 of 1 objects did not become current" in caught.value.message
    assert "PersistentVolumeClaim here/data" in caught.value.message
    assert changes(caught.value.result) == {"data": "created"}


def test_drift_is_mended(server):
    rollout(server, CONFIG_MAP % "one")
    server.wishes[HOME + "configmaps/one"]["openhands-gpu-observability"]["data"] = {}
    assert changes(rollout(server, CONFIG_MAP % "one")) == {"one": "configured"}


def test_a_field_of_another_program_stops_everything(server):
    rollout(server, CONFIG_MAP % "one")
    server.writes.clear()
    server.put(HOME + "configmaps/two", {"data": {"a": "theirs"}}, "their-operator")
    with pytest.raises(InvalidInput) as caught:
        rollout(server, join(CONFIG_MAP % "three", CONFIG_MAP % "two"))
    (problem,) = caught.value.problems
    assert (problem.object, problem.field) == ("ConfigMap here/two", "data.a")
    assert "their-operator" in problem.message
    assert server.writes == []


def test_a_persons_field_is_taken_over_with_a_word(server):
    server.put(HOME + "configmaps/one", {"data": {"a": "theirs"}}, "kubectl-edit")
    result = rollout(server, CONFIG_MAP % "one")
    assert changes(result) == {"one": "configured"}
    assert result["warnings"] == ["ConfigMap here/one: took data.a over from kubectl-edit"]
    assert not rollout(server, CONFIG_MAP % "one")["changed"]


def test_an_object_that_changed_in_between_is_read_again(server):
    rollout(server, CONFIG_MAP % "one")
    path = HOME + "configmaps/one"
    server.refuse["PATCH " + path] = [ApiError(409, "Conflict", "the object has been modified")]
    result = rollout(server, (CONFIG_MAP % "one").replace("a: one", "a: two"))
    assert changes(result) == {"one": "configured"}
    server.refuse["PATCH " + path] = [ApiError(409, "Conflict", "the object has been modified")] * 9
    with pytest.raises(InvalidInput, match="has been modified"):
        rollout(server, (CONFIG_MAP % "one").replace("a: one", "a: three"))


def test_an_error_halfway_says_what_was_written(server):
    text = join(CONFIG_MAP % "one", CONFIG_MAP % "two")
    server.refuse["PATCH " + HOME + "configmaps/two"] = [ApiError(422, "Invalid", "broken")]
    with pytest.raises(InvalidInput) as caught:
        rollout(server, text)
    assert changes(caught.value.result) == {"one": "created", "two": "skipped"}
    assert caught.value.result["changed"]
    assert "a rerun goes on from here" in caught.value.message
    assert changes(rollout(server, text)) == {"one": "unchanged", "two": "created"}


def test_a_server_that_goes_away_halfway_is_said(server):
    server.refuse["PATCH " + HOME + "configmaps/one"] = [ApiError(0, "Unreachable", "gone")]
    with pytest.raises(ConnectionProblem, match="Check that the server runs"):
        rollout(server, CONFIG_MAP % "one")


def test_a_server_that_goes_away_while_planning_is_said(server):
    server.refuse["DRY " + HOME + "configmaps/one"] = [ApiError(401, "Unauthorized", "Unauthorized")]
    with pytest.raises(ConnectionProblem, match="401 Unauthorized"):
        rollout(server, CONFIG_MAP % "one")


def test_a_webhook_that_cannot_dry_run_defers_the_check(server):
    text = "admission webhook x does not support dry run"
    server.refuse["DRY " + HOME + "configmaps/one"] = [ApiError(400, "BadRequest", text)]
    assert changes(rollout(server, CONFIG_MAP % "one")) == {"one": "created"}


def test_definitions_and_their_objects(server):
    server.lag = 3
    result = rollout(server, join(WIDGET, DEFINITION, CONFIG_MAP % "one"))
    assert changes(result) == {"w": "created", "widgets.example.org": "created", "one": "created"}
    order = [path.rpartition("/")[2] for _method, path in server.writes]
    assert order.index("widgets.example.org") < order.index("one") < order.index("w")


def test_a_kind_that_another_component_has_just_defined_is_waited_for(server):
    server.lag = 9
    rollout(server, DEFINITION, component="first")
    assert changes(rollout(server, WIDGET)) == {"w": "created"}


def test_a_kind_that_nobody_defines_is_refused_without_waiting(server):
    before = server.lag
    with pytest.raises(InvalidInput, match="no kind Widget"):
        rollout(server, WIDGET)
    assert server.lag == before


@pytest.mark.parametrize("change", [{"metadata": {"deletionTimestamp": "x"}}, {"spec": {"versions": []}}])
def test_a_definition_that_goes_or_serves_other_versions_is_not_waited_for(server, change):
    server.lag = 9
    rollout(server, DEFINITION, component="first")
    server.extra["/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.org"] = change
    before = server.lag
    with pytest.raises(InvalidInput, match="no kind Widget"):
        rollout(server, WIDGET)
    assert server.lag == before


def test_a_definition_that_is_never_served_is_explained(server):
    server.lag = 10**6
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.org"
    condition = {"type": "NamesAccepted", "status": "False", "message": "widgets is taken"}
    server.extra[path] = {"status": {"conditions": [condition]}}
    with pytest.raises(RolloutError) as caught:
        rollout(server, join(WIDGET, DEFINITION))
    assert "doesn't serve example.org/v1 Widget 60 s after" in caught.value.message
    assert "widgets is taken" in caught.value.message
    assert caught.value.result["verdict"] == "failed"


def test_an_object_whose_definition_changes_is_checked_later(server):
    rollout(server, join(WIDGET, DEFINITION))
    schema = "{openAPIV3Schema: {type: object, properties: {spec: {x-kubernetes-preserve-unknown-fields: true}}}}"
    changed = DEFINITION.replace("served: true", "served: true, schema: %s" % schema)
    path = "/apis/example.org/v1/namespaces/here/widgets/w"
    server.refuse["DRY " + path] = [ApiError(500, "", "failed to create typed patch object (x): .spec.color: unknown")]
    result = rollout(server, join(WIDGET.replace("size: 1", "color: red"), changed))
    assert changes(result) == {"w": "configured", "widgets.example.org": "configured"}
    server.refuse["DRY " + path] = [ApiError(422, "Invalid", "wrong")]
    with pytest.raises(InvalidInput, match=r"Nothing was written\."):
        rollout(server, join(WIDGET, changed))


def test_a_kind_that_just_came_may_still_answer_404(server):
    text = "the server could not find the requested resource"
    path = "/apis/example.org/v1/namespaces/here/widgets/w"
    server.refuse["DRY " + path] = [ApiError(404, "NotFound", text)] * 3
    assert changes(rollout(server, join(WIDGET, DEFINITION)))["w"] == "created"


def test_a_late_fault_stops_before_the_rest(server):
    server.refuse["DRY /apis/example.org/v1/namespaces/here/widgets/w"] = [ApiError(422, "Invalid", "too big")]
    with pytest.raises(InvalidInput) as caught:
        rollout(server, join(WIDGET, DEFINITION, CONFIG_MAP % "one"))
    assert "nothing else was written" in caught.value.message
    assert changes(caught.value.result) == {"w": "skipped", "widgets.example.org": "created", "one": "skipped"}


def test_a_new_namespace_holds_its_own_record(server):
    text = join(NAMESPACE % "new", CONFIG_MAP % "one")
    result = rollout(server, text, namespace="new")
    assert changes(result) == {"new": "created", "one": "created"}
    assert "/api/v1/namespaces/new/configmaps/rollout-inventory-demo" in server.wishes
    server.writes.clear()
    assert not rollout(server, text, namespace="new")["changed"]
    assert server.writes == []


def test_a_fault_in_a_new_namespace_is_found_in_another(server):
    server.refuse["DRY /api/v1/namespaces/default/configmaps/one"] = [ApiError(422, "Invalid", "wrong")]
    with pytest.raises(InvalidInput, match="wrong"):
        rollout(server, join(NAMESPACE % "new", CONFIG_MAP % "one"), namespace="new")
    assert server.writes == []
    server.refuse["DRY /api/v1/namespaces/default/configmaps/one"] = [ApiError(403, "Forbidden", "of no matter")]
    assert rollout(server, join(NAMESPACE % "new", CONFIG_MAP % "one"), namespace="new")["changed"]


def test_a_reference_into_the_set_is_waited_for(server):
    binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: bind}\n"
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: reader}\n"
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/here/rolebindings/bind"
    missing = ApiError(404, "NotFound", 'clusterroles "reader" not found')
    server.refuse = {"DRY " + path: [missing], "PATCH " + path: [missing, missing]}
    assert changes(rollout(server, join(binding, role))) == {"bind": "created", "reader": "created"}
    server.refuse = {"DRY " + path + "-2": [ApiError(403, "Forbidden", 'User "reader" cannot patch')]}
    with pytest.raises(InvalidInput, match="not allowed"):
        rollout(server, binding.replace("name: bind", "name: bind-2"), component="other")


def test_a_change_whose_answer_was_lost_is_a_change_and_isnt_written_again(server):
    rollout(server, CONFIG_MAP % "one")
    path, before = HOME + "configmaps/one", len(server.writes)
    apply = server.send

    def lose_the_answer(method, target, *rest, **named):
        answer = apply(method, target, *rest, **named)
        if target == path and "dryRun" not in rest[1]:
            server.send = apply
            raise ApiError(409, "Conflict", "the object has been modified")
        return answer

    server.send = lose_the_answer
    result = rollout(server, (CONFIG_MAP % "one").replace("a: one", "a: two"))
    assert changes(result) == {"one": "configured"}
    assert [write for write in server.writes[before:] if write[1] == path] == [("PATCH", path)]


def test_a_record_that_cannot_be_read_is_not_overwritten(server):
    server.put(RECORD, {"data": {"objects.json": "{broken"}})
    with pytest.raises(RolloutError, match=r"rollout-inventory-demo: its key objects\.json can't be read"):
        rollout(server, CONFIG_MAP % "one")


def test_check_mode_writes_nothing(server):
    result = rollout(server, join(CONFIG_MAP % "one", WIDGET), check_mode=True, diff=True)
    assert changes(result) == {"one": "created", "w": "created"}
    assert server.writes == []
    assert [entry["after_header"] for entry in result["diff"]] == ["v1 ConfigMap here/one", "example.org/v1 Widget w"]
    assert any("Widget" in warning for warning in result["warnings"])


def test_check_mode_with_a_namespace_to_come(server):
    result = rollout(server, CONFIG_MAP % "one", namespace="later", check_mode=True)
    assert changes(result) == {"one": "created"}
    assert "The namespace later doesn't exist yet" in result["warnings"][0]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_no_secret_is_shown(server, state):
    lines: list[str] = []
    rollout(server, SECRET % "correct-horse", lines)
    server.notes = ["a warning with correct-horse in it"]
    result = rollout(server, SECRET % "correct-horse", lines, state=state, diff=True)
    shown = json.dumps(result) + "".join(lines)
    assert "correct-horse" not in shown
    assert "Y29ycmVjdC1ob3JzZQ==" not in shown
    assert result["warnings"][0] == "a warning with ******** in it"


def test_no_secret_is_in_an_error(server):
    server.refuse["DRY " + HOME + "secrets/login"] = [ApiError(422, "Invalid", "correct-horse is too long")]
    with pytest.raises(InvalidInput) as caught:
        rollout(server, SECRET % "correct-horse")
    assert "correct-horse" not in str(caught.value) + json.dumps(caught.value.result)
    assert "******** is too long" in caught.value.message


def test_a_namespace_that_is_going_or_missing(server):
    with pytest.raises(InvalidInput, match=r"the namespace gone doesn't exist: .*2 objects use it"):
        rollout(server, join(CONFIG_MAP % "one", CONFIG_MAP % "two"), namespace="gone", inventory_namespace="here")
    with pytest.raises(InvalidInput, match="inventory_namespace: the namespace gone doesn't exist"):
        rollout(server, CONFIG_MAP % "one", inventory_namespace="gone")
    server.extra["/api/v1/namespaces/here"] = {"metadata": {"deletionTimestamp": "now"}}
    with pytest.raises(InvalidInput, match="the namespace here is being deleted"):
        rollout(server, CONFIG_MAP % "one")


def test_who_may_not_look_at_namespaces_can_still_roll_out(server):
    server.refuse["GET /api/v1/namespaces/here"] = [ApiError(403, "Forbidden", "no")]
    assert rollout(server, CONFIG_MAP % "one")["changed"]


def test_nothing_rendered_is_said(server):
    result = rollout(server, "")
    assert not result["changed"]
    assert result["warnings"] == ["demo: no objects were rendered, nothing is done and nothing is deleted."]
    assert server.writes == []


def test_what_is_as_we_left_it_needs_no_dry_run(server):
    text = join(CONFIG_MAP % "one", SECRET % "correct-horse")
    rollout(server, text)
    server.refuse["DRY " + HOME + "configmaps/one"] = [ApiError(418, "", "asked")]
    assert not rollout(server, text)["changed"]
    record = server.get(RECORD)["data"]["objects.json"]
    assert [sorted(entry)[1] for entry in json.loads(record)] == ["desired", "kind"]
    with pytest.raises(RolloutError):
        rollout(server, text.replace("a: one", "a: two"))


@pytest.mark.parametrize("replaced", [False, True])
def test_an_object_that_was_touched_or_replaced_is_asked_for(server, replaced):
    rollout(server, CONFIG_MAP % "one")
    path = HOME + "configmaps/one"
    server.extra[path] = {"metadata": {"uid": "another"}} if replaced else {"data": {"a": "scaled"}}
    server.refuse["DRY " + path] = [ApiError(422, "", "asked")]
    with pytest.raises(InvalidInput, match="asked"):
        rollout(server, CONFIG_MAP % "one")


def test_a_set_that_was_just_read_as_current_is_not_read_again(server):
    rollout(server, CONFIG_MAP % "one", wait=True, wait_timeout=5)
    server.refuse["GET " + HOME + "configmaps"] = [ApiError(500, "", "asked")]
    result = rollout(server, CONFIG_MAP % "one", wait=True, wait_timeout=5)
    assert result["verdict"] == "current"
    assert server.refuse["GET " + HOME + "configmaps"] != []


def test_an_unchanged_object_that_does_not_work_is_waited_for(server):
    text = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n"
    rollout(server, text)
    with pytest.raises(RolloutError, match="1 of 1 objects did not become current"):
        rollout(server, text, wait=True, wait_timeout=2)


def test_an_object_that_is_being_deleted_is_not_written_to(server):
    leaving = {"deletionTimestamp": "now", "finalizers": ["example.org/hold"]}
    server.put(HOME + "configmaps/one", {"metadata": leaving})
    with pytest.raises(InvalidInput, match=r"is being deleted \(finalizers: example\.org/hold\)"):
        rollout(server, CONFIG_MAP % "one")
    assert server.writes == []


def test_a_change_between_plan_and_write_is_not_overlooked(server):
    path, tries = HOME + "configmaps/one", []
    rollout(server, CONFIG_MAP % "one")
    original = server.send

    def send(method, target, body=None, query=None, content_type="application/json"):
        if target == path and not query.get("dryRun"):
            tries.append(body["metadata"].get("resourceVersion"))
            if len(tries) == 1:
                server.put(path, {"data": {"b": "theirs"}}, "their-operator")
        return original(method, target, body, query, content_type)

    server.send = send
    assert rollout(server, (CONFIG_MAP % "one").replace("a: one", "a: two"))["changed"]
    assert len(tries) == 2
    assert tries[0] != tries[1]
    assert server.get(path)["data"] == {"a": "two", "b": "theirs"}
