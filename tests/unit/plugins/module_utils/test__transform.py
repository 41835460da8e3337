# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass for every object."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _podspec
from ansible_collections.openhands.gpu_observability.plugins.module_utils._transform import Transform, apply

WANTED = Transform.of(
    {
        "image_mirror": "reg.example",
        "pull_secrets": ["pull", {"name": "other"}],
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "node_selector": {"role": "infra", "disk": "any"},
        "labels": {"team": "gpu", "own": "site"},
    }
)
POD = {
    "initContainers": [{"name": "i", "image": "quay.io/a/init:1"}],
    "containers": [{"name": "c", "image": "quay.io/a/main:1"}, {"name": "none"}],
    "imagePullSecrets": [{"name": "pull"}],
    "nodeSelector": {"disk": "ssd"},
}
PLACES = [
    ("v1", "Pod", ("spec",)),
    ("apps/v1", "Deployment", ("spec", "template", "spec")),
    ("apps/v1", "StatefulSet", ("spec", "template", "spec")),
    ("batch/v1", "Job", ("spec", "template", "spec")),
    ("batch/v1", "CronJob", ("spec", "jobTemplate", "spec", "template", "spec")),
    ("monitoring.coreos.com/v1", "Prometheus", ("spec",)),
    ("monitoring.coreos.com/v1", "Alertmanager", ("spec",)),
    ("monitoring.coreos.com/v1", "ThanosRuler", ("spec",)),
]


def nested(api_version, kind, path, value):
    for step in reversed(path):
        value = {step: value}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **value}


def copied(value):
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("api_version", "kind", "path"), PLACES)
def test_every_pod_gets_what_the_site_wants(api_version, kind, path):
    body = nested(api_version, kind, path, copied(POD))
    apply(body, WANTED, "demo")
    spec = body
    for step in path:
        spec = spec[step]
    assert [c.get("image") for c in _podspec.containers(spec)] == ["reg.example/a/init:1", "reg.example/a/main:1", None]
    assert spec["imagePullSecrets"] == [{"name": "pull"}, {"name": "other"}]
    assert spec["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert spec["nodeSelector"] == {"role": "infra", "disk": "ssd"}


def test_a_daemon_set_keeps_its_nodes():
    body = nested("apps/v1", "DaemonSet", ("spec", "template", "spec"), copied(POD))
    apply(body, WANTED, "demo")
    spec = body["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == {"disk": "ssd"}
    assert spec["tolerations"] == [{"key": "gpu", "operator": "Exists"}]


def test_an_operands_own_images():
    spec = {"image": "quay.io/p/p:1", "thanos": {"image": "quay.io/t/t:1"}}
    body = nested("monitoring.coreos.com/v1", "Prometheus", ("spec",), spec)
    apply(body, WANTED, "demo")
    assert body["spec"]["image"] == "reg.example/p/p:1"
    assert body["spec"]["thanos"]["image"] == "reg.example/t/t:1"


def test_labels_are_the_sites_then_the_objects_then_ours():
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": {"own": "object"}}}
    apply(body, WANTED, "demo")
    assert body["metadata"]["labels"] == {
        "team": "gpu",
        "own": "object",
        "app.kubernetes.io/managed-by": "openhands.gpu_observability",
        "app.kubernetes.io/part-of": "gpu-observability",
        "gpu-observability.openhands.dev/component": "demo",
    }


def test_nothing_wanted_changes_nothing_but_labels():
    body = nested("apps/v1", "Deployment", ("spec", "template", "spec"), copied(POD))
    before = copied(body["spec"])
    apply(body, Transform.of(None), "demo")
    assert body["spec"] == before


def test_a_pass_is_idempotent():
    body = nested("apps/v1", "Deployment", ("spec", "template", "spec"), copied(POD))
    apply(body, WANTED, "demo")
    once = copied(body)
    apply(body, WANTED, "demo")
    assert body == once


@pytest.mark.parametrize("spec", [None, "text", {"template": None}, {"template": {"spec": []}}])
def test_a_broken_workload_is_left_to_the_server(spec):
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": spec}
    apply(body, WANTED, "demo")
    assert body["spec"] == spec
