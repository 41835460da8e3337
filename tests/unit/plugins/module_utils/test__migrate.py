# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How managedFields change when what people wrote becomes ours."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _drift,
    _fieldset,
    _managers,
    _mask,
    _migrate,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ObjectId

US = _drift.FIELD_MANAGER
OURS = {"f:data": {"f:a": {}, "f:b": {}}}
RECORD = {"f:metadata": {"f:annotations": {".": {}, "f:" + _mask.LAST_APPLIED: {}}}}


def entry(manager, fields, operation="Update", **more):
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, **more}


def body(*entries, annotations=None):
    metadata = {"name": "x", "uid": "u", "resourceVersion": "7", "managedFields": list(entries)}
    data = {"a": "1", "b": "2", "c": "3"}
    return {"metadata": {**metadata, **({"annotations": annotations} if annotations else {})}, "data": data}


def plan(theirs, ours=OURS, *, before=None, shared=False, adopted=frozenset(), others=()):
    """Plan with one foreign entry; the dry run leaves it as it is."""
    live = [theirs, *others] + ([entry(US, before, "Apply")] if before else [])
    planned = [theirs, *others, entry(US, ours, "Apply")]
    return _migrate.plan(body(*live), body(*planned), shared, adopted)


def held(move, manager):
    return [e["fieldsV1"] for e in move.entries if e["manager"] == manager]


ALL = {"f:data": {"f:a": {}, "f:c": {}}}


def test_a_file_gives_up_everything():
    move = plan(entry("kubectl-client-side-apply", ALL))
    assert held(move, "kubectl-client-side-apply") == []
    assert held(move, US) == [{"f:data": {"f:a": {}, "f:c": {}}}]
    assert _migrate.names(move.dropped) == ["data.c"]


def test_single_edits_give_up_what_is_ours():
    move = plan(entry("kubectl-edit", ALL))
    assert held(move, "kubectl-edit") == [{"f:data": {"f:c": {}}}]
    assert held(move, US) == [{"f:data": {"f:a": {}}}]
    assert move.dropped == frozenset()


def test_what_we_are_about_to_drop_is_given_up_too():
    move = plan(entry("k9s", {"f:data": {"f:c": {}}}), before={"f:data": {"f:a": {}, "f:c": {}}})
    assert held(move, "k9s") == []
    assert _migrate.names(move.dropped) == ["data.c"]


def test_in_what_is_shared_a_file_gives_up_only_what_is_ours():
    move = plan(entry("kubectl-create", ALL), shared=True)
    assert held(move, "kubectl-create") == [{"f:data": {"f:c": {}}}]
    assert move.dropped == frozenset()


@pytest.mark.parametrize(
    "theirs",
    [
        entry("their-operator", ALL),
        entry("kubectl", {"f:data": {"f:a": {}}}, subresource="scale"),
        entry("kubectl-label", {"f:metadata": {"f:labels": {"f:x": {}}}}),
    ],
    ids=["program", "subresource", "nothing-of-ours"],
)
def test_these_keep_what_they_hold(theirs):
    assert plan(theirs) is None


@pytest.mark.parametrize("manager", [_managers.UNKNOWN, _managers.KEPT])
def test_names_that_stand_for_nobody_give_up_what_is_ours(manager):
    assert held(plan(entry(manager, ALL)), manager) == [{"f:data": {"f:c": {}}}]


def test_an_adopted_tool_gives_up_everything():
    move = plan(entry("helm", ALL), adopted=frozenset({"helm"}), shared=True)
    assert held(move, "helm") == []
    assert _migrate.names(move.dropped) == ["data.c"]


def test_what_another_holds_does_not_go():
    move = plan(entry("kubectl-create", ALL), others=[entry("their-operator", {"f:data": {"f:c": {}}})])
    assert move.dropped == frozenset()


def test_a_parent_of_what_stays_does_not_go():
    theirs = {"f:metadata": {"f:labels": {".": {}, "f:x": {}}}, **ALL}
    others = [entry("their-operator", {"f:metadata": {"f:labels": {"f:y": {}}}})]
    assert _migrate.names(plan(entry("kubectl-create", theirs), others=others).dropped) == [
        "data.c",
        "metadata.labels.x",
    ]


@pytest.mark.parametrize("path", ["f:finalizers", "f:ownerReferences"])
def test_finalizers_owners_and_status_are_nobodys_to_take_away(path):
    theirs = {"f:metadata": {path: {'v:"x"': {}}}, "f:status": {"f:phase": {}}, **ALL}
    move = plan(entry("kubectl-create", theirs))
    assert _migrate.names(move.dropped) == ["data.c"]


def test_another_version_of_the_kind_gives_up_what_is_ours_by_name():
    move = plan({**entry("kubectl-client-side-apply", ALL), "apiVersion": "v1beta1"})
    assert held(move, "kubectl-client-side-apply") == [{"f:data": {"f:c": {}}}]
    assert held(move, US) == [{}]
    assert move.entries[-1]["apiVersion"] == "v1"


def test_what_our_apply_takes_by_force_needs_no_move():
    theirs = entry("kubectl-edit", {"f:data": {"f:a": {}}})
    live, planned = body(theirs), body(entry(US, OURS, "Apply"))
    assert _migrate.plan(live, planned, False) is None


def test_a_second_plan_has_nothing_to_move():
    move = plan(entry("kubectl-client-side-apply", {**ALL, **RECORD}))
    after = [*move.entries]
    assert _migrate.plan(body(*after), body(*after), False) is None


def test_the_patch_names_the_version_it_was_planned_on_and_ends_kubectls_record():
    live = body(entry("kubectl-client-side-apply", {**ALL, **RECORD}), annotations={_mask.LAST_APPLIED: "{}"})
    before = copy.deepcopy(live)
    planned = body(*live["metadata"]["managedFields"], entry(US, OURS, "Apply"))
    move = _migrate.plan(live, planned, False)
    operations = {operation["path"]: operation for operation in _migrate.patch(live, move.entries)}
    assert operations["/metadata/resourceVersion"] == {
        "op": "replace",
        "path": "/metadata/resourceVersion",
        "value": "7",
    }
    assert operations["/metadata/uid"]["op"] == "test"
    key = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"
    assert operations[key] == {"op": "remove", "path": key}
    assert live == before
    assert "annotations" not in _migrate.without_record(live)["metadata"]


def test_the_record_stays_where_somebody_still_reads_it():
    live = body(annotations={_mask.LAST_APPLIED: "{}"})
    assert not _migrate.forgets(live, [entry("kubectl-client-side-apply", RECORD)])
    assert _migrate.forgets(live, [entry(US, OURS, "Apply")])


def test_what_will_be_left_is_described_as_a_patch():
    dropped = _fieldset.paths({"f:data": {"f:c": {}}})
    assert _migrate.without_dropped(body(), body(), dropped) == [
        {"op": "add", "path": "/data", "value": {"a": "1", "b": "2"}}
    ]
    everything = _fieldset.paths({"f:data": {"f:a": {}, "f:b": {}, "f:c": {}}})
    assert _migrate.without_dropped(body(), body(), everything) == [{"op": "remove", "path": "/data"}]


def test_a_default_that_comes_back_is_not_gone():
    dropped = _fieldset.paths({"f:data": {"f:a": {}, "f:b": {}, "f:c": {}}})
    after = body()
    after["data"] = {"a": "1", "b": "changed"}
    assert _migrate.names(_migrate.gone(body(), after, dropped)) == ["data.b", "data.c"]


def test_a_list_item_is_named_once():
    web = 'k:{"name":"web"}'
    fields = {"f:containers": {web: {".": {}, "f:image": {}, "f:name": {}}}}
    assert _migrate.names(_fieldset.paths(fields)) == ['containers[name="web"]']


def test_who_keeps_a_field_that_we_give_up_is_named():
    theirs = entry("their-operator", {"f:data": {"f:b": {}, "f:c": {}}})
    live = body(theirs, entry(US, OURS, "Apply"))
    planned = body(theirs, entry(US, {"f:data": {"f:a": {}}}, "Apply"))
    assert _migrate.staying(live, planned, None) == ["data.b left the set but stays: their-operator holds it too"]
    assert _migrate.staying(live, planned, [entry(US, OURS, "Apply")]) == []
    assert _migrate.staying(live, live, None) == []


def test_shared_kinds_are_known_by_group_and_kind():
    assert _migrate.is_shared(ObjectId("", "Secret", "here", "x"))
    assert not _migrate.is_shared(ObjectId("example.org", "Secret", "here", "x"))
