# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that can't be changed: said with old and new value, or changed by creating the object again."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _recreate
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from integration.engine.conftest import changes

CONTAINERS = "{containers: [{name: c, image: example.org/i:%s}], restartPolicy: %s}"
LABELS = "metadata: {labels: {a: x, b: y}}"
DEPLOYMENT = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\n"
    "spec: {replicas: 0, selector: {matchLabels: {%s}}, template: {"
    + LABELS
    + ", spec: "
    + CONTAINERS % ("1", "Always")
) + "}}\n"
JOB = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: w}\nspec: {suspend: true, template: {spec: %s}}\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: w}\nspec: {%s ports: [{port: 80}]}\n"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: w}\nimmutable: true\ndata: {a: %s}\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: w}\nimmutable: true\nstringData: {a: %s}\n"
BINDING = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: w}\n"
    "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %s}\n"
)
STATEFUL_SET = (
    "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: w}\n"
    "spec: {replicas: 0, serviceName: %s, selector: {matchLabels: {a: x}}, template: {"
) + (LABELS + ", spec: " + CONTAINERS % ("1", "Always") + "}}\n")

CASES = {
    "Deployment": (DEPLOYMENT % "a: x", DEPLOYMENT % "b: y", "spec.selector.matchLabels.b", "not set", '"y"'),
    "Job": (
        JOB % (CONTAINERS % ("1", "Never")),
        JOB % (CONTAINERS % ("2", "Never")),
        "spec.template.spec.containers[0].image",
        '"example.org/i:1"',
        '"example.org/i:2"',
    ),
    "Service": (SERVICE % "", SERVICE % "clusterIP: None,", "spec.clusterIP", '"10.0.', '"None"'),
    "ConfigMap": (CONFIG % "one", CONFIG % "two", "data.a", '"one"', '"two"'),
    "Secret": (SECRET % "hunter22", SECRET % "hunter33", "data.a", "********", "********"),
    "RoleBinding": (BINDING % "view", BINDING % "edit", "roleRef.name", '"view"', '"edit"'),
    "StatefulSet": (STATEFUL_SET % "s", STATEFUL_SET % "t", "spec.serviceName", '"s"', '"t"'),
}
PLURALS = {
    "Deployment": ("deployments", "/apis/apps/v1"),
    "StatefulSet": ("statefulsets", "/apis/apps/v1"),
    "Job": ("jobs", "/apis/batch/v1"),
    "RoleBinding": ("rolebindings", "/apis/rbac.authorization.k8s.io/v1"),
    "Service": ("services", "/api/v1"),
    "ConfigMap": ("configmaps", "/api/v1"),
    "Secret": ("secrets", "/api/v1"),
}


@pytest.mark.parametrize("kind", CASES)
def test_it_is_said_and_then_permitted(cluster, kind):
    before, after, field, old, new = CASES[kind]
    plural, api = PLURALS[kind]
    cluster.rollout(before)
    uid = cluster.get(plural, "w", api)["metadata"]["uid"]

    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(after)
    (problem,) = [one for one in caught.value.result["problems"] if one["field"] == field]
    entry = "recreate: [{kind: %s, name: w, namespace: %s}]" % (kind, cluster.namespace)
    assert "can't be changed: it is %s" % old in problem["message"]
    assert "the set has %s" % new in problem["message"]
    assert entry in problem["message"]
    assert problem["object"] == "%s %s/w" % (kind, cluster.namespace)
    assert problem["source"].startswith("demo.yaml:")
    assert "hunter" not in caught.value.message
    assert cluster.get(plural, "w", api)["metadata"]["uid"] == uid

    permitted = {"recreate": [{"kind": kind, "name": "w"}]}
    predicted = cluster.rollout(after, check_mode=True, diff=True, **permitted)
    assert changes(predicted) == {"w": "configured"}
    assert "deleted and created again" in predicted["warnings"][0]
    assert predicted["diff"][0]["before"] != predicted["diff"][0]["after"]
    assert cluster.get(plural, "w", api)["metadata"]["uid"] == uid

    result = cluster.rollout(after, **permitted)
    assert changes(result) == {"w": "configured"}
    assert cluster.get(plural, "w", api)["metadata"]["uid"] != uid
    assert not cluster.rollout(after, **permitted)["changed"]


CLAIM = (
    "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: w}\n"
    "spec: {accessModes: [%s], resources: {requests: {storage: 1Gi}}}\n"
)


def test_what_holds_data_is_never_created_again(cluster):
    cluster.rollout(CLAIM % "ReadWriteOnce")
    with pytest.raises(InvalidInput, match="never deleted for that, since deleting a PersistentVolumeClaim") as caught:
        cluster.rollout(CLAIM % "ReadWriteMany")
    assert 'it is "ReadWriteOnce", the set has "ReadWriteMany"' in caught.value.message
    with pytest.raises(InvalidInput, match="can't be permitted"):
        cluster.rollout(CLAIM % "ReadWriteMany", recreate=[{"kind": "PersistentVolumeClaim", "name": "w"}])


def test_a_wrong_new_object_is_known_before_the_old_one_goes(cluster):
    cluster.rollout(DEPLOYMENT % "a: x")
    uid = cluster.get("deployments", "w", "/apis/apps/v1")["metadata"]["uid"]
    with pytest.raises(InvalidInput, match="does not match template"):
        cluster.rollout(DEPLOYMENT % "c: z", recreate=[{"kind": "Deployment", "name": "w"}])
    assert cluster.get("deployments", "w", "/apis/apps/v1")["metadata"]["uid"] == uid


@pytest.mark.parametrize("replicas", [0, 3])
def test_a_run_that_breaks_in_between_keeps_what_others_set(cluster, monkeypatch, replicas):
    bare = DEPLOYMENT.replace("replicas: 0, ", "")
    cluster.rollout(bare % "a: x")
    path = cluster.path("deployments", "w", "/apis/apps/v1") + "/scale?fieldManager=person"
    cluster.server.request("PATCH", path, {"spec": {"replicas": replicas}}, "application/merge-patch+json")
    permitted = {"recreate": [{"kind": "Deployment", "name": "w"}]}

    class Killed(BaseException):
        pass

    def killed(*_arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(_recreate, "create", killed)
        with pytest.raises(Killed):
            cluster.rollout(bare % "b: y", **permitted)
    assert cluster.get("deployments", "w", "/apis/apps/v1") is None
    assert ("Deployment", "w") in cluster.inventory()

    result = cluster.rollout(bare % "b: y", **permitted)

    assert changes(result) == {"w": "created"}
    assert cluster.get("deployments", "w", "/apis/apps/v1")["spec"]["replicas"] == replicas
    assert not cluster.rollout(bare % "b: y")["changed"]
    assert cluster.get("deployments", "w", "/apis/apps/v1")["spec"]["replicas"] == replicas
