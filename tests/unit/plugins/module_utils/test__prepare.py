# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape, scope, static faults and references: what is seen without a server."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _prepare, _references, _static
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import load
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import (
    Request,
    dump_manifests,
    load_manifests,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Manifest
from engine_case import rollout
from fake_server import FakeServer


def prepared(text, namespace="here"):
    request = Request.of({"component": "demo", "namespace": namespace}, load(text, "t"), False, False)
    return _prepare.prepare(request, FakeServer().resource)


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("metadata: text\nkind: A\napiVersion: v1", "metadata", "must be a mapping"),
        ("metadata: {name: a}\napiVersion: v1", "kind", "is missing"),
        ("metadata: {name: a}\nkind: A\napiVersion: 1", "apiVersion", "must be text"),
        ("metadata: {name: 1}\nkind: A\napiVersion: v1", "metadata.name", "must be text"),
        ("metadata: {generateName: a-}\nkind: A\napiVersion: v1", "metadata.generateName", "fixed name"),
        ("metadata: {name: a, labels: []}\nkind: A\napiVersion: v1", "metadata.labels", "must be a mapping"),
        ("kind: ConfigMap\napiVersion: v1", "metadata.name", "is missing"),
    ],
)
def test_the_shape_of_an_object(text, field, message):
    _items, problems = prepared(text)
    assert [(p.field, p.source) for p in problems] == [(field, "t:1")]
    assert message in problems[0].message


def test_a_namespaced_object_needs_a_namespace_from_somewhere():
    text = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}"
    items, problems = prepared(text)
    assert problems == []
    assert items[0].id.namespace == "here"
    _items, problems = prepared(text, namespace="")
    assert problems[0].field == "metadata.namespace"


def test_a_definition_in_the_set_tells_the_scope():
    definition = """
kind: CustomResourceDefinition
apiVersion: apiextensions.k8s.io/v1
metadata: {name: as.example.org}
spec: {group: example.org, scope: %s, names: {kind: A, plural: as}, versions: [{name: v1}]}
---
kind: A
apiVersion: example.org/v1
metadata: {name: a%s}
"""
    items, _problems = prepared(definition % ("Namespaced", ""))
    assert items[1].id.namespace == "here"
    items, _problems = prepared(definition % ("Cluster", ""))
    assert items[1].id.namespace == ""
    _items, problems = prepared(definition % ("Cluster", ", namespace: x"))
    assert "cluster-wide" in problems[0].message


def test_a_bindings_account_gets_the_namespace():
    text = """
kind: RoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata: {name: a}
subjects: [{kind: ServiceAccount, name: s}, {kind: ServiceAccount, name: t, namespace: other}, {kind: User, name: u}]
"""
    items, _problems = prepared(text)
    subjects = items[0].manifest.body["subjects"]
    assert [subject.get("namespace") for subject in subjects] == ["here", "other", None]


def test_the_given_manifests_are_not_changed():
    manifests = load("kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}", "t")
    before = dump_manifests(manifests)
    _prepare.prepare(Request.of({"component": "x", "namespace": "n"}, manifests, False, False), FakeServer().resource)
    assert dump_manifests(manifests) == before == dump_manifests(load_manifests(before))


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"kind": "Secret", "data": {"a": "***"}}, "data.a", "isn't base64"),
        ({"kind": "Secret", "data": {"a": 1}}, "data.a", "not a number"),
        ({"kind": "Secret", "stringData": {"a": True}}, "stringData.a", "not true or false"),
        ({"kind": "Secret", "data": "text"}, "data", "must be a mapping"),
        ({"kind": "ConfigMap", "data": {"a": [1]}}, "data.a", "not a list"),
        ({"kind": "Pod", "spec": {"overhead": {"cpu": "x"}}}, "spec.overhead.cpu", "isn't a quantity"),
    ],
)
def test_faults_that_a_server_does_not_locate(body, field, message):
    manifest = Manifest({"apiVersion": "v1", "metadata": {"name": "x"}, **body}, "t", 3)
    (problem,) = _static.check(manifest)
    assert (problem.source, problem.field) == ("t:3", field)
    assert message in problem.message


def test_good_data_has_no_fault():
    for body in ({"data": {"a": "YQ==", "b": "YW\nFh", "c": None}}, {"stringData": {"a": "x"}}, {}):
        assert _static.check(Manifest({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, **body})) == []


POD = {
    "serviceAccountName": "runner",
    "volumes": [
        {"name": "v", "secret": {"secretName": "s1"}},
        {"name": "w", "secret": {"secretName": "no", "optional": True}},
        {"name": "x", "configMap": {"name": "c1"}},
        {"name": "y", "emptyDir": {}},
    ],
    "containers": [
        {
            "name": "c",
            "env": [
                {"name": "A", "value": "b"},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s2", "key": "k"}}},
                {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c2", "key": "k"}}},
                {"name": "D", "valueFrom": {"secretKeyRef": {"name": "no", "key": "k", "optional": True}}},
            ],
            "envFrom": [{"secretRef": {"name": "s3"}}, {"configMapRef": {"name": "c3"}}],
        }
    ],
}


def test_what_a_pod_needs_to_start():
    body = {"apiVersion": "v1", "kind": "Pod", "spec": POD}
    assert [(r.kind, r.name) for r in _references.pod_references(body)] == [
        ("ServiceAccount", "runner"),
        ("Secret", "s1"),
        ("ConfigMap", "c1"),
        ("Secret", "s2"),
        ("ConfigMap", "c2"),
        ("Secret", "s3"),
        ("ConfigMap", "c3"),
    ]
    assert list(_references.pod_references({"apiVersion": "v1", "kind": "ConfigMap"})) == []


def test_storage_classes_are_found_wherever_they_are():
    body = {
        "kind": "Prometheus",
        "spec": {"storage": {"spec": {"storageClassName": "fast"}}, "sets": [{"storageClassName": "slow"}, {"x": 1}]},
    }
    assert [(r.name, r.field) for r in _references.storage_classes(body)] == [
        ("fast", "spec.storage.spec.storageClassName"),
        ("slow", "spec.sets[0].storageClassName"),
    ]
    assert list(_references.storage_classes({**body, "kind": "CustomResourceDefinition"})) == []


CLAIM = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: d}\nspec: {storageClassName: fast}\n"
CLASSES = "GET /apis/storage.k8s.io/v1/storageclasses"


def test_a_missing_storage_class_is_a_problem_unless_nobody_may_look():
    server = FakeServer("here")
    with pytest.raises(InvalidInput, match=r"no StorageClass fast in this cluster \(it has: none\)"):
        rollout(server, CLAIM)
    server.refuse[CLASSES] = [ApiError(403, "Forbidden", "no")]
    assert rollout(server, CLAIM)["changed"]


def test_a_storage_class_of_the_set_will_do():
    text = CLAIM + "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\n"
    assert rollout(FakeServer("here"), text)["counts"]["created"] == 2


def test_a_missing_name_is_a_warning_unless_nobody_may_look():
    text = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {serviceAccountName: runner, containers: []}}}
"""
    server = FakeServer("here")
    (warning,) = rollout(server, text)["warnings"]
    assert "serviceAccountName names the ServiceAccount runner, which is neither" in warning
    server.refuse["GET /api/v1/namespaces/here/serviceaccounts/runner"] = [ApiError(403, "Forbidden", "no")]
    assert rollout(server, text)["warnings"] == []
    own = text + "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner}\n"
    assert rollout(server, own)["warnings"] == []


def test_unknown_kinds_are_refused():
    with pytest.raises(InvalidInput, match="no kind Deploymnt in apps/v1 on this server; did you mean Deployment"):
        rollout(FakeServer("here"), "apiVersion: apps/v1\nkind: Deploymnt\nmetadata: {name: a}\n")


def test_many_problems_are_counted():
    error = InvalidInput([Problem("wrong", "t:%03d" % number) for number in range(120)])
    assert error.message.startswith("120 problems. Nothing was written.")
    assert error.message.endswith("- and 20 more")
    assert len(error.result["problems"]) == 120
