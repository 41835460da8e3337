# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends up in the cluster, and that a second run leaves it alone."""

from __future__ import annotations

import base64
import json

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, RolloutError
from integration.engine.conftest import Cluster, changes

SET = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: "1"}
---
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: correct-horse, user: someone}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, creationTimestamp: null}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, creationTimestamp: null}
    spec:
      containers:
        - name: web
          image: example.org/web:1
          env: [{name: EMPTY, value: ""}]
          resources: {requests: {cpu: 0.5, memory: 1024Mi}, limits: {memory: 2048Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  maxReplicas: 3
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 0.5}}}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: data}
spec:
  serviceName: data
  selector: {matchLabels: {app: data}}
  template:
    metadata: {labels: {app: data}}
    spec: {containers: [{name: data, image: "example.org/data:1"}]}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
"""


def versions(cluster: Cluster) -> dict[str, str]:
    found = {}
    for api, plurals in (
        ("/api/v1", ["configmaps", "secrets", "services"]),
        ("/apis/apps/v1", ["deployments", "statefulsets"]),
        ("/apis/policy/v1", ["poddisruptionbudgets"]),
        ("/apis/autoscaling/v2", ["horizontalpodautoscalers"]),
    ):
        for plural in plurals:
            for item in cluster.get(plural, api=api)["items"]:
                found[plural + "/" + item["metadata"]["name"]] = item["metadata"]["resourceVersion"]
    return found


def test_a_set_is_created_and_a_second_run_writes_nothing(cluster):
    first = cluster.rollout(SET)
    assert first["changed"]
    assert first["counts"]["created"] == 7
    before = versions(cluster)
    assert {"configmaps/rollout-inventory-demo", "secrets/login", "statefulsets/data"} <= set(before)

    second = cluster.rollout(SET)

    assert not second["changed"]
    assert second["counts"] == {"created": 0, "configured": 0, "unchanged": 7, "deleted": 0, "skipped": 0}
    assert versions(cluster) == before


def test_only_what_drifted_is_written(cluster):
    cluster.rollout(SET)
    before = versions(cluster)

    result = cluster.rollout(SET.replace('a: "1"', 'a: "2"'))

    assert [name for name, change in changes(result).items() if change != "unchanged"] == ["settings"]
    after = versions(cluster)
    written = [name for name in before if before[name] != after[name]]
    assert written == ["configmaps/rollout-inventory-demo", "configmaps/settings"]


def test_every_object_carries_the_component(cluster):
    cluster.rollout(SET, transform={"labels": {"team": "gpu"}})
    labels = cluster.get("services", "web")["metadata"]["labels"]
    assert labels == {
        "team": "gpu",
        "app.kubernetes.io/managed-by": "openhands.gpu_observability",
        "app.kubernetes.io/part-of": "gpu-observability",
        "gpu-observability.openhands.dev/component": "demo",
    }


def test_a_key_that_leaves_string_data_leaves_the_secret(cluster):
    cluster.rollout(SET)
    cluster.rollout(SET.replace(", user: someone", ""))
    data = cluster.get("secrets", "login")["data"]
    assert data == {"password": base64.b64encode(b"correct-horse").decode()}


def test_a_field_of_another_program_stops_the_run_before_the_first_write(cluster):
    cluster.rollout(SET)
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "theirs"}}
    cluster.apply_as("other-operator", "configmaps", theirs)
    before = versions(cluster)

    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(SET.replace("port: 80,", "port: 81,"))

    (problem,) = caught.value.problems
    assert problem.field == "data.a"
    assert "other-operator" in problem.message
    assert "ConfigMap" in problem.object
    assert versions(cluster) == before


def test_a_persons_edit_is_undone_and_said(cluster):
    cluster.rollout(SET)
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "by hand"}}
    cluster.apply_as("kubectl-edit", "configmaps", theirs)

    result = cluster.rollout(SET)

    assert changes(result)["settings"] == "configured"
    assert any("took data.a over from kubectl-edit" in warning for warning in result["warnings"])
    assert cluster.get("configmaps", "settings")["data"] == {"a": "1"}
    assert not cluster.rollout(SET)["changed"]


def test_an_equal_object_of_another_manager_is_adopted_once(cluster):
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: same}\n"
    labels = {
        "app.kubernetes.io/managed-by": "openhands.gpu_observability",
        "app.kubernetes.io/part-of": "gpu-observability",
        "gpu-observability.openhands.dev/component": "demo",
    }
    metadata = {"name": "settings", "labels": labels}
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "same"}}
    cluster.apply_as("someone-else", "configmaps", theirs)

    assert changes(cluster.rollout(manifest)) == {"settings": "configured"}
    assert changes(cluster.rollout(manifest)) == {"settings": "unchanged"}


def test_check_mode_writes_nothing_and_tells_what_would_be(cluster):
    result = cluster.rollout(SET, check_mode=True, diff=True)
    assert result["changed"]
    assert result["counts"]["created"] == 7
    assert cluster.get("configmaps", "settings") is None
    assert cluster.inventory() is None
    after = {entry["after_header"]: entry["after"] for entry in result["diff"]}
    assert "cpu: 500m" in after[f"apps/v1 Deployment {cluster.namespace}/web"]


def test_no_secret_value_is_shown_anywhere(cluster):
    cluster.rollout(SET)
    lines = cluster.lines
    result = cluster.rollout(SET.replace("correct-horse", "battery-staple"), diff=True)
    shown = json.dumps(result) + "\n".join(lines)
    for value in ("correct-horse", "battery-staple", "someone"):
        assert value not in shown
        assert base64.b64encode(value.encode()).decode() not in shown
    (entry,) = result["diff"]
    assert entry["before"] != entry["after"]


def test_a_secret_value_in_an_error_is_hidden(cluster):
    bad = "apiVersion: v1\nkind: Secret\nmetadata: {name: bad}\ndata: {token: not-base64-hunter2}\n"
    with pytest.raises(RolloutError) as caught:
        cluster.rollout(bad)
    assert "hunter2" not in caught.value.message + json.dumps(caught.value.result)
    assert "Secret" in caught.value.message


def test_the_record_lists_objects_with_their_uid(cluster):
    cluster.rollout(SET)
    body = cluster.get("configmaps", "rollout-inventory-demo")
    entries = json.loads(body["data"]["objects.json"])
    by_name = {entry["name"]: entry for entry in entries if entry["kind"] == "Deployment"}
    prints = {key: by_name["web"].pop(key) for key in ("desired", "owned")}
    assert all(len(value) == 32 for value in prints.values())
    assert by_name["web"] == {
        "api_version": "apps/v1",
        "kind": "Deployment",
        "namespace": cluster.namespace,
        "name": "web",
        "uid": cluster.get("deployments", "web", "/apis/apps/v1")["metadata"]["uid"],
    }


def test_what_left_the_set_is_pruned(cluster):
    two = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
    cluster.rollout(two % "one" + "---\n" + two % "two")
    assert changes(cluster.rollout(two % "one", check_mode=True))["two"] == "deleted"
    assert cluster.get("configmaps", "two") is not None

    result = cluster.rollout(two % "one", wait=True, wait_timeout=10)

    assert changes(result) == {"one": "unchanged", "two": "deleted"}
    assert cluster.get("configmaps", "two") is None
    assert cluster.inventory() == [("ConfigMap", "one")]
    assert not cluster.rollout(two % "one")["changed"]


DEPLOYMENT = "/apis/apps/v1"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
TOUCHES = {
    "a merged value": ("configmaps/settings", "/api/v1", MERGE, {"data": {"a": "x"}}),
    "a removed key": ("configmaps/settings", "/api/v1", MERGE, {"data": {"a": None}}),
    "all keys removed": ("configmaps/settings", "/api/v1", MERGE, {"data": None}),
    "a removed label": (
        "configmaps/settings",
        "/api/v1",
        MERGE,
        {"metadata": {"labels": {"app.kubernetes.io/part-of": None}}},
    ),
    "a container's image": (
        "deployments/web",
        DEPLOYMENT,
        STRATEGIC,
        {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "example.org/web:2"}]}}}},
    ),
    "a removed resource": (
        "deployments/web",
        DEPLOYMENT,
        JSON_PATCH,
        [{"op": "remove", "path": "/spec/template/spec/containers/0/resources/limits"}],
    ),
    "a removed variable": (
        "deployments/web",
        DEPLOYMENT,
        JSON_PATCH,
        [{"op": "remove", "path": "/spec/template/spec/containers/0/env/0"}],
    ),
    "a port": (
        "services/web",
        "/api/v1",
        STRATEGIC,
        {"spec": {"ports": [{"port": 80, "targetPort": 9090}]}},
    ),
    "an atomic list": (
        "horizontalpodautoscalers/web",
        "/apis/autoscaling/v2",
        JSON_PATCH,
        [{"op": "remove", "path": "/spec/metrics"}],
    ),
    "forgotten owners": (
        "configmaps/settings",
        "/api/v1",
        JSON_PATCH,
        [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}],
    ),
}


@pytest.mark.parametrize("touch", TOUCHES)
def test_every_way_to_change_a_field_of_ours_is_seen(cluster, touch):
    """The fingerprints spare the dry run, so no route may change a field of ours and leave them equal."""
    cluster.rollout(SET)
    assert not cluster.rollout(SET)["changed"]
    target, api, content_type, patch = TOUCHES[touch]
    path = cluster.path(target, api=api) + "?fieldManager=kubectl-edit"
    cluster.server.request("PATCH", path, patch, content_type)
    result = cluster.rollout(SET)
    name = target.partition("/")[2]
    assert {entry["name"] for entry in result["objects"] if entry["change"] == "configured"} == {name}
    assert not cluster.rollout(SET)["changed"]


def test_a_scaled_deployment_is_seen(cluster):
    selector = "  selector: {matchLabels: {app: web}}\n"
    text = SET.replace(selector, "  replicas: 2\n" + selector, 1)
    # Under an autoscaler it would be left to that.
    text = text.replace("kind: Deployment, name: web}", "kind: Deployment, name: other}")
    cluster.rollout(text)
    path = cluster.path("deployments", "web/scale", DEPLOYMENT) + "?fieldManager=kubectl"
    cluster.server.request("PATCH", path, {"spec": {"replicas": 5}}, MERGE)
    result = cluster.rollout(text)
    assert [(e["kind"], e["name"]) for e in result["objects"] if e["change"] == "configured"] == [("Deployment", "web")]
    assert cluster.get("deployments", "web", DEPLOYMENT)["spec"]["replicas"] == 2


def test_a_replaced_object_is_seen(cluster):
    cluster.rollout(SET)
    body = cluster.get("configmaps", "settings")
    body["data"] = {"a": "put"}
    cluster.server.request("PUT", cluster.path("configmaps", "settings") + "?fieldManager=kubectl", body)
    assert changes(cluster.rollout(SET))["settings"] == "configured"
