# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people wrote with kubectl becomes ours, once and for good."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _migrate
from integration.engine.conftest import changes
from integration.ownership.conftest import managers

THEIRS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {from: "a-file"}}
data: {a: "1", b: "2", c: "3"}
"""
OURS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {a: "1", b: "9"}
"""
WITHOUT_B = OURS.replace(', b: "9"', "")
US = ("openhands-gpu-observability", "Apply")
WRITTEN = {
    "apply": ("apply", "-f", "-"),
    "apply-server-side": ("apply", "--server-side", "-f", "-"),
    "create": ("create", "-f", "-"),
    "create-and-remember": ("create", "--save-config", "-f", "-"),
}


@pytest.mark.parametrize("way", WRITTEN.values(), ids=WRITTEN)
def test_a_file_that_a_person_applied_gives_way_to_ours(cluster, kubectl, way):
    kubectl(*way, text=THEIRS)
    kubectl("label", "configmap", "one", "by=hand")

    predicted = cluster.rollout(OURS, check_mode=True, diff=True)["diff"][0]["after"]
    result = cluster.rollout(OURS, diff=True)

    assert changes(result) == {"one": "configured"}
    assert result["diff"][0]["after"] == predicted
    assert "data.c, metadata.labels.from" in result["warnings"][0]
    body = cluster.get("configmaps", "one")
    assert body["data"] == {"a": "1", "b": "9"}
    assert "annotations" not in body["metadata"]
    # What was added by hand, and what we don't speak of, stays with who added it.
    assert body["metadata"]["labels"]["by"] == "hand"
    assert managers(body) == {US, ("kubectl-label", "Update")}
    assert changes(cluster.rollout(OURS)) == {"one": "unchanged"}

    cluster.rollout(WITHOUT_B)
    assert cluster.get("configmaps", "one")["data"] == {"a": "1"}


def test_equal_content_is_adopted_once_and_a_key_that_leaves_goes(cluster, kubectl):
    kubectl("apply", "-f", "-", text=OURS)
    assert changes(cluster.rollout(OURS)) == {"one": "configured"}
    assert changes(cluster.rollout(OURS)) == {"one": "unchanged"}
    cluster.rollout(WITHOUT_B)
    assert cluster.get("configmaps", "one")["data"] == {"a": "1"}


@pytest.mark.parametrize("person", ["kubectl-edit", "kubectl-patch", "k9s", "rancher"])
def test_a_value_that_a_person_set_before_us_goes_when_we_drop_it(cluster, person):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"b": "9", "more": "x"}}
    cluster.server.request("POST", cluster.path("configmaps") + "?fieldManager=" + person, body)
    assert changes(cluster.rollout(OURS)) == {"one": "configured"}
    assert changes(cluster.rollout(OURS)) == {"one": "unchanged"}
    cluster.rollout(WITHOUT_B)
    # What this person set beside ours isn't ours to remove: these managers change single fields.
    assert cluster.get("configmaps", "one")["data"] == {"a": "1", "more": "x"}


def test_a_person_who_takes_part_later_does_not_keep_what_we_drop(cluster, kubectl):
    cluster.rollout(OURS)
    kubectl("apply", "--server-side", "-f", "-", text=OURS)
    assert ("kubectl", "Apply") in managers(cluster.get("configmaps", "one"))
    cluster.rollout(WITHOUT_B)
    body = cluster.get("configmaps", "one")
    assert body["data"] == {"a": "1"}
    assert managers(body) == {US}


def test_another_program_keeps_what_it_holds_too(cluster):
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"b": "9"}}
    cluster.rollout(OURS)
    cluster.apply_as("their-operator", "configmaps", theirs)
    result = cluster.rollout(WITHOUT_B)
    assert cluster.get("configmaps", "one")["data"] == {"a": "1", "b": "9"}
    assert "data.b left the set but stays: their-operator holds it too" in result["warnings"][0]
    assert changes(cluster.rollout(WITHOUT_B)) == {"one": "unchanged"}


def test_a_stray_container_of_a_persons_file_goes(cluster, kubectl):
    """Containers are a list by name: without the move theirs would run beside ours for ever."""
    pod = "containers: [{name: %s, image: example.org/x}]"
    text = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {%s}}
"""
    kubectl("apply", "-f", "-", text=text % (pod % "theirs"))
    result = cluster.rollout(text % (pod % "ours"))
    # The defaults that came with kubectl's object come back with ours.
    assert result["warnings"][0].endswith('had set goes: spec.template.spec.containers[name="theirs"]')
    spec = cluster.get("deployments", "web", "/apis/apps/v1")["spec"]["template"]["spec"]
    assert [container["name"] for container in spec["containers"]] == ["ours"]


def test_what_a_person_put_into_a_secret_stays(cluster, kubectl):
    kubectl("create", "secret", "generic", "login", "--from-literal=password=theirs", "--from-literal=extra=kept")
    ours = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: ours}\n"
    cluster.rollout(ours)
    assert set(cluster.get("secrets", "login")["data"]) == {"password", "extra"}
    assert changes(cluster.rollout(ours)) == {"login": "unchanged"}


def test_a_namespace_keeps_what_its_people_set(cluster, kubectl):
    name = cluster.namespace + "-shared"
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {%s}}\n"
    policy = "pod-security.kubernetes.io/enforce"
    kubectl("apply", "-f", "-", text=text % (name, policy + ": baseline, team: ours"))
    ours = text % (name, "team: ours")
    cluster.rollout(ours)
    assert changes(cluster.rollout(ours)) == {name: "unchanged"}
    cluster.rollout(text % (name, ""))
    labels = cluster.server.request("GET", "/api/v1/namespaces/" + name)["metadata"]["labels"]
    assert labels[policy] == "baseline"
    assert "team" not in labels


def test_what_can_not_go_stays_with_the_person(cluster, kubectl):
    """A claim's class can't be taken away again: where the server refuses what a whole move means, less is moved."""
    claim = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data%s}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}%s}
"""
    kubectl("apply", "-f", "-", text=claim % ("", ", storageClassName: slow"))
    cluster.rollout(claim % ("", ""))
    assert cluster.get("persistentvolumeclaims", "data")["spec"]["storageClassName"] == "slow"
    assert changes(cluster.rollout(claim % ("", ""))) == {"data": "unchanged"}


def test_a_job_whose_template_can_not_lose_a_field_is_taken_over_all_the_same(cluster, kubectl):
    job = """
apiVersion: batch/v1
kind: Job
metadata: {name: once%s}
spec: {suspend: true, template: {spec: {restartPolicy: Never%s, containers: [{name: once, image: x}]}}}
"""
    kubectl("apply", "-f", "-", text=job % (", labels: {from: a-file}", ", priority: 0, hostname: theirs"))
    assert changes(cluster.rollout(job % ("", ""))) == {"once": "configured"}
    body = cluster.get("jobs", "once", "/apis/batch/v1")
    assert body["spec"]["template"]["spec"]["hostname"] == "theirs"
    assert changes(cluster.rollout(job % ("", ""))) == {"once": "unchanged"}


def test_a_change_between_plan_and_move_is_not_overlooked(cluster, kubectl, monkeypatch):
    kubectl("apply", "-f", "-", text=THEIRS)
    take = _migrate.take

    def late(client, item):
        monkeypatch.setattr(_migrate, "take", take)
        kubectl("patch", "configmap", "one", "-p", '{"data": {"late": "x"}}')
        take(client, item)

    monkeypatch.setattr(_migrate, "take", late)
    assert changes(cluster.rollout(OURS)) == {"one": "configured"}
    assert cluster.get("configmaps", "one")["data"] == {"a": "1", "b": "9", "late": "x"}


def test_a_file_of_another_version_of_the_kind_is_taken_over_too(cluster, kubectl):
    target = "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}"
    head = "kind: HorizontalPodAutoscaler\nmetadata: {name: web%s}\n"
    theirs = "apiVersion: autoscaling/v1\n" + head % ", labels: {a: theirs}" + "spec: {maxReplicas: 3, %s}\n" % target
    ours = "apiVersion: autoscaling/v2\n" + head % ", labels: {a: ours}" + "spec: {maxReplicas: 5, %s}\n" % target
    kubectl("apply", "-f", "-", text=theirs)
    assert changes(cluster.rollout(ours)) == {"web": "configured"}
    assert changes(cluster.rollout(ours)) == {"web": "unchanged"}
    cluster.rollout(ours.replace(", labels: {a: ours}", ""))
    body = cluster.get("horizontalpodautoscalers", "web", "/apis/autoscaling/v2")
    assert body["spec"]["maxReplicas"] == 5
    assert "a" not in body["metadata"]["labels"]
