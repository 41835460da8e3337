# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may be overruled, and what a person is told."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _conflicts, _managers
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Manifest

WANTED = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "here", "labels": {"app": "a"}},
    "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "x", "image": "new"}]}}},
}
LIVE = {
    **WANTED,
    "spec": {"replicas": 5, "template": {"spec": {"containers": [{"name": "side"}, {"name": "x", "image": "old"}]}}},
}
IMAGE = '.spec.template.spec.containers[name="x"].image'


def item(*take_over, wanted=None, live=None):
    manifest = Manifest(wanted or WANTED, "t.yaml", 1)
    return Item(manifest, manifest.id, live=live or LIVE, take_over=take_over)


def conflicts(*pairs):
    causes = [{"field": field, "message": "conflict with " + who} for who, field in pairs]
    return _conflicts.read(ApiError(409, "Conflict", "Apply failed", {"causes": causes}))


@pytest.mark.parametrize(
    ("message", "owner"),
    [
        ('"argocd"', "argocd (Apply)"),
        ('"manager" using apps/v1', "manager (Update)"),
        ('"manager" using apps/v1 at 2026-11-23T08:00:00Z', "manager (Update, at 2026-11-23T08:00:00Z)"),
        (
            '"kube-controller-manager" with subresource "scale" using apps/v1 at 2026-11-23T08:00:00Z',
            "kube-controller-manager (Update, subresource scale, at 2026-11-23T08:00:00Z)",
        ),
        ('"a \\"quoted\\" one" using v1', 'a "quoted" one (Update)'),
        ("", "another program"),
    ],
)
def test_the_owner_is_read_as_the_server_prints_it(message, owner):
    (found,) = conflicts((message, ".spec.replicas"))
    assert found.owner({}) == owner
    assert found.field == "spec.replicas"


def test_the_time_is_looked_up_where_the_server_leaves_it_out():
    entry = {"manager": "scaler", "operation": "Update", "subresource": "scale", "time": "2026-11-23T08:00:00Z"}
    others = [{**entry, "subresource": "status", "time": "no"}, {**entry, "manager": "b", "time": "no"}]
    live = {"metadata": {"managedFields": [*others, entry]}}
    (found,) = conflicts(('"scaler" with subresource "scale" using apps/v1', ".spec.replicas"))
    assert found.owner(live) == "scaler (Update, subresource scale, at 2026-11-23T08:00:00Z)"


@pytest.mark.parametrize(
    "manager",
    ["kubectl", "kubectl-edit", "kubectl-client-side-apply", "kubectl-patch", "k9s", "rancher", _managers.KEPT],
)
def test_a_person_may_be_overruled(manager):
    assert _conflicts.judge(item(), conflicts(('"%s"' % manager, ".spec.replicas"))) == []


@pytest.mark.parametrize("manager", ["operator", "kubectlish", "", "rancher-agent", "k9s-like", _managers.UNKNOWN])
def test_a_program_may_not(manager):
    (problem,) = _conflicts.judge(item(), conflicts(('"%s"' % manager, ".spec.replicas")))
    assert problem.field == "spec.replicas"


def test_an_owner_that_the_server_lost_is_overruled_on_our_own_objects_only():
    labels = {"app.kubernetes.io/managed-by": "openhands.gpu_observability"}
    ours = {**LIVE, "metadata": {**LIVE["metadata"], "labels": labels}}
    assert _conflicts.judge(item(live=ours), conflicts(('"before-first-apply" using v1', ".spec.replicas"))) == []


def test_only_the_fields_that_are_not_permitted_are_listed():
    found = conflicts(('"argocd"', ".spec.replicas"), ('"argocd"', IMAGE), ('"kubectl-edit"', ".metadata.labels.app"))
    assert {p.field for p in _conflicts.judge(item(), found)} == {"spec.replicas", IMAGE.lstrip(".")}
    assert [p.field for p in _conflicts.judge(item("spec.replicas"), found)] == [IMAGE.lstrip(".")]
    assert _conflicts.judge(item("spec.replicas", "spec.template.spec.containers[name=x].image"), found) == []
    assert _conflicts.judge(item("spec"), found) == []
    assert _conflicts.judge(item("*"), found) == []


def test_the_sentence_has_owner_both_values_and_an_entry_to_copy():
    (problem,) = _conflicts.judge(item(), conflicts(('"argocd"', IMAGE)))
    assert str(problem) == (
        't.yaml:1: Deployment here/web: spec.template.spec.containers[name="x"].image: is owned by the field manager '
        'argocd (Apply): it is "old", the set has "new". Leave the field out of the set, or take it over: '
        "take_over: [{kind: Deployment, name: web, namespace: here, "
        "fields: ['spec.template.spec.containers[name=\"x\"].image']}]"
    )


def test_a_secrets_values_are_never_shown():
    before, after = (base64.b64encode(text).decode() for text in (b"their-value", b"our-value"))
    wanted = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "data": {"password": after}}
    live = {**wanted, "data": {"password": before}}
    (problem,) = _conflicts.judge(item(wanted=wanted, live=live), conflicts(('"vault"', ".data.password")))
    assert before not in problem.message
    assert after not in problem.message
    assert "vault" in problem.message


def test_a_password_in_the_environment_is_not_shown_either():
    def body(value):
        spec = {"containers": [{"name": "x", "env": [{"name": "DB_PASSWORD", "value": value}]}]}
        return {**WANTED, "spec": {"template": {"spec": spec}}}

    field = '.spec.template.spec.containers[name="x"].env[name="DB_PASSWORD"].value'
    found = _conflicts.judge(item(wanted=body("canary-1"), live=body("canary-2")), conflicts(('"argocd"', field)))
    assert "canary" not in found[0].message
    assert "argocd" in found[0].message


def test_a_value_that_is_not_there_is_said_so():
    (problem,) = _conflicts.judge(item(), conflicts(('"argocd"', ".spec.paused")))
    assert "it is not set, the set has not set" in problem.message


def test_a_refusal_without_causes_is_a_problem():
    (problem,) = _conflicts.judge(item(), conflicts())
    assert "another field manager" in problem.message


def test_a_take_over_that_leads_nowhere_is_named():
    (problem,) = _conflicts.misspelt(item(), ["spec.replica", "spec.replicas", "*"])
    assert problem.field == "spec.replica"
