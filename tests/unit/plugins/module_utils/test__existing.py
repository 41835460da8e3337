# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that belong to somebody else stop a rollout, or are adopted whole."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import load
from engine_case import changes, rollout
from fake_server import FakeServer

TEXT = """
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {a: ours}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
data: {a: ours}
"""
ONE = "/api/v1/namespaces/here/configmaps/one"
HELM = {
    "app.kubernetes.io/managed-by": "Helm",
    "helm.sh/chart": "demo-1.2.3",
}
RELEASE = {"meta.helm.sh/release-name": "demo", "meta.helm.sh/release-namespace": "here"}


def theirs(labels=None, annotations=None, **more):
    metadata = {"name": "one", "labels": HELM if labels is None else labels, "annotations": annotations or RELEASE}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, **more},
        "data": {"a": "theirs", "b": "x"},
    }


@pytest.fixture
def server():
    return FakeServer("here")


def test_a_helm_release_s_object_stops_and_is_named(server):
    server.put(ONE, theirs(), "helm")
    with pytest.raises(InvalidInput) as caught:
        rollout(server, TEXT)
    assert "ConfigMap here/one: is there already and belongs to Helm release here/demo (chart demo 1.2.3)" in str(
        caught.value
    )
    assert "demo_existing: adopt" in str(caught.value)
    assert len(caught.value.problems) == 1
    assert server.writes == []


def test_nothing_is_said_of_what_a_person_made(server):
    server.put(ONE, theirs(labels={}, annotations={"note": "mine"}), "kubectl-edit")
    assert changes(rollout(server, TEXT)) == {"one": "configured", "two": "created"}


def test_adoption_overrules_the_owner_and_keeps_helm_from_deleting(server):
    server.put(ONE, theirs(), "helm")
    result = rollout(server, TEXT, existing="adopt")
    assert changes(result) == {"one": "configured", "two": "created"}
    body = server.get(ONE)
    assert body["data"] == {"a": "ours"}
    assert "helm.sh/chart" not in body["metadata"]["labels"]
    assert "meta.helm.sh/release-name" not in body["metadata"]["annotations"]
    assert body["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "openhands.gpu_observability"
    assert body["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert result["objects"][0]["reason"].startswith("adopted from Helm release here/demo")


def test_the_mark_for_helm_stays_with_the_next_run(server):
    server.put(ONE, theirs(), "helm")
    rollout(server, TEXT, existing="adopt")
    assert not rollout(server, TEXT)["changed"]
    assert server.get(ONE)["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_adopting_in_check_mode_writes_nothing(server):
    server.put(ONE, theirs(), "helm")
    result = rollout(server, TEXT, existing="adopt", check_mode=True)
    assert changes(result) == {"one": "configured", "two": "created"}
    assert server.writes == []


def test_what_a_controller_owns_is_never_adopted(server):
    server.put(ONE, theirs(ownerReferences=[{"kind": "ClusterPolicy", "name": "gpu", "controller": True}]), "nvidia")
    with pytest.raises(InvalidInput, match="belongs to the controller of ClusterPolicy gpu, which would undo"):
        rollout(server, TEXT, existing="adopt")
    assert server.writes == []


def test_a_recorded_object_with_our_label_is_ours_whatever_else_it_says(server):
    rollout(server, TEXT)
    server.put(ONE, {"metadata": {"annotations": RELEASE}}, "helm")
    assert changes(rollout(server, TEXT))["one"] in ("unchanged", "configured")


def test_a_namespace_is_shared_and_keeps_its_manager(server):
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: here}\n" + "---" + TEXT
    path = "/api/v1/namespaces/here"
    server.put(path, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"labels": {
        "app.kubernetes.io/managed-by": "Helm", "kustomize.toolkit.fluxcd.io/name": "infra"}}}, "helm")  # fmt: skip
    rollout(server, text)
    labels = server.get(path)["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "Helm"
    assert labels["gpu-observability.openhands.dev/component"] == "demo"
    assert not rollout(server, text)["changed"]


DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {a: {type: string}}}}}}
"""


def newer():
    body = load(DEFINITION, "x")[0].body
    properties = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    properties["b"] = {"type": "string"}
    body["metadata"]["annotations"] = {"operator.prometheus.io/version": "9.9.9"}
    return body


@pytest.mark.parametrize("existing", ["stop", "adopt"])
def test_a_newer_definition_is_never_cut(server, existing):
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.org"
    server.put(path, newer(), "helm")
    with pytest.raises(InvalidInput) as caught:
        rollout(server, DEFINITION, existing=existing)
    assert "of Helm (field manager helm) (release 9.9.9)" in str(caught.value)
    assert "fields that ours lacks: spec.b" in str(caught.value)
    assert server.writes == []


def test_our_own_definition_may_go_back_to_an_older_release(server):
    body = newer()
    text = yaml.safe_dump(body)
    rollout(server, text)
    assert changes(rollout(server, DEFINITION)) == {"things.example.org": "configured"}
