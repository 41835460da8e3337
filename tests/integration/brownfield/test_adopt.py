# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of a Helm release with the names of ours: they stop a rollout, or are adopted with what they hold."""

from __future__ import annotations

import copy
import json
import time
import urllib.error

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import load
from brownfield_layout import definition, helm
from integration.engine.conftest import changes
from render.conftest import upstream_folders

RELEASE = helm("kps", "watching", "kube-prometheus-stack-65.1.0", "web", heritage="Helm")
OURS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {both: ours}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: main, image: "example.org/web:2", env: [{name: OURS, value: "1"}]}]
"""


def theirs(namespace):
    where = {"namespace": namespace, **copy.deepcopy(RELEASE)}
    pod = {"containers": [{"name": "main", "image": "example.org/web:1", "env": [{"name": "THEIRS", "value": "1"}]}]}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", **where},
         "data": {"both": "theirs", "only": "theirs"}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", **where},
         "spec": {"selector": {"app": "web", "tier": "x"}, "ports": [{"port": 80}]}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", **where},
         "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
                  "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod}}},
    ]  # fmt: skip


def test_a_release_s_objects_stop_everything_and_are_all_named(cluster, site):
    bodies = theirs(cluster.namespace)
    site.install(*bodies)
    before = [site.live(body)["metadata"]["resourceVersion"] for body in bodies]
    more = OURS + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: free}\n"

    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(more)

    assert len(caught.value.problems) == 3
    assert str(caught.value).count("belongs to Helm release watching/kps (chart kube-prometheus-stack 65.1.0)") == 3
    assert [site.live(body)["metadata"]["resourceVersion"] for body in bodies] == before
    assert cluster.get("configmaps", "free") is None
    assert cluster.inventory() is None


def test_adoption_takes_everything_over_and_loses_nothing(cluster, site):
    bodies = theirs(cluster.namespace)
    site.install(*bodies)
    before = [site.live(body) for body in bodies]
    predicted = changes(cluster.rollout(OURS, existing="adopt", check_mode=True))
    assert [site.live(body) for body in bodies] == before

    result = cluster.rollout(OURS, existing="adopt")

    assert changes(result) == predicted == {"settings": "configured", "web": "configured"}
    after = [site.live(body) for body in bodies]
    assert [a["metadata"]["uid"] for a in after] == [b["metadata"]["uid"] for b in before]
    settings, service, deployment = after
    assert service["spec"]["clusterIP"] == before[1]["spec"]["clusterIP"]
    assert settings["data"] == {"both": "ours"}
    assert service["spec"]["selector"] == {"app": "web"}
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "OURS", "value": "1"}]
    for body in after:
        metadata = body["metadata"]
        assert "helm" not in {entry["manager"] for entry in metadata["managedFields"]}
        assert metadata["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert not [key for key in metadata["labels"] if key.startswith("helm.sh") or key == "heritage"]
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "openhands.gpu_observability"


def test_after_adoption_runs_change_nothing_and_the_mark_stays(cluster, site):
    bodies = theirs(cluster.namespace)
    site.install(*bodies)
    cluster.rollout(OURS, existing="adopt")

    assert not cluster.rollout(OURS, existing="adopt")["changed"]
    assert not cluster.rollout(OURS)["changed"]
    changed = cluster.rollout(OURS.replace("both: ours", "both: newer"))

    assert changes(changed)["settings"] == "configured"
    assert site.live(bodies[0])["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_a_release_that_takes_an_object_back_is_told(cluster, site):
    (body, *_rest) = theirs(cluster.namespace)
    site.install(body)
    text = OURS.split("---", maxsplit=1)[0]
    cluster.rollout(text, existing="adopt")
    cluster.apply_as("helm", "configmaps", body)

    with pytest.raises(InvalidInput, match="was ours and was taken back by Helm release watching/kps"):
        cluster.rollout(text)
    cluster.rollout(text, existing="adopt")
    assert site.live(body)["data"] == {"both": "ours"}
    assert not cluster.rollout(text)["changed"]


def test_what_argo_applied_is_adopted_too(cluster, site):
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "labels": {"argocd.argoproj.io/instance": "mon"}},
        "data": {"both": "theirs", "only": "theirs"},
    }
    cluster.apply_as("argocd-controller", "configmaps", body)
    text = OURS.split("---", maxsplit=1)[0]
    with pytest.raises(InvalidInput, match="belongs to Argo CD application mon"):
        cluster.rollout(text)
    cluster.rollout(text, existing="adopt")
    live = cluster.get("configmaps", "settings")
    assert live["data"] == {"both": "ours"}
    assert "argocd.argoproj.io/instance" not in live["metadata"]["labels"]


def as_text(body):
    return yaml.safe_dump(json.loads(json.dumps(body)))


def test_definitions_are_adopted_with_every_object_of_theirs(cluster, site, server):
    text = {"type": "string"}
    live = definition("adopt.example.org", "Thing", copy.deepcopy(RELEASE), a=text)
    site.install(live)
    thing = {"apiVersion": "adopt.example.org/v1", "kind": "Thing", "metadata": {"name": "one"}, "spec": {"a": "kept"}}
    made = wait_for_kind(server, cluster, thing)

    ours = definition("adopt.example.org", "Thing", a=text, b=text)
    with pytest.raises(InvalidInput, match="belongs to Helm release watching/kps"):
        cluster.rollout(as_text(ours))
    cluster.rollout(as_text(ours), existing="adopt")

    after = server.request("GET", cluster.path("things", "one", "/apis/adopt.example.org/v1"))
    assert (after["metadata"]["uid"], after["spec"]) == (made["metadata"]["uid"], {"a": "kept"})
    properties = site.live(live)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert sorted(properties) == ["a", "b"]


def wait_for_kind(server, cluster, body, plural="things"):
    deadline = time.monotonic() + 20
    while True:
        try:
            return server.request("POST", cluster.path(plural, api="/apis/" + body["apiVersion"]), body)
        except urllib.error.HTTPError as error:
            if error.code != 404 or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.mark.parametrize("existing", ["stop", "adopt"])
def test_a_newer_definition_is_left_alone(cluster, site, existing):
    text = {"type": "string"}
    group = f"newer-{existing}.example.org"
    live = definition(group, "Thing", {"annotations": {"operator.prometheus.io/version": "0.99.0"}}, a=text, later=text)
    site.install(live)
    before = site.live(live)

    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(as_text(definition(group, "Thing", a=text)), existing=existing)

    assert "(release 0.99.0) in the cluster is not ours, and ours can't take its place" in str(caught.value)
    assert "has fields that ours lacks: spec.later" in str(caught.value)
    after = site.live(live)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == 1


def test_an_older_definition_that_a_person_installed_is_upgraded(cluster, site):
    text = {"type": "string"}
    site.install(definition("older.example.org", "Thing", a=text), manager="kubectl-create")
    result = cluster.rollout(as_text(definition("older.example.org", "Thing", a=text, b=text)))
    assert changes(result) == {"things.older.example.org": "configured"}


UPSTREAM = "prometheus-operator/prometheus-operator/v%s/example/prometheus-operator-crd/monitoring.coreos.com_%s.yaml"


def released(version, plural):
    """A definition as the operator's release has it."""
    for folder in upstream_folders():
        path = folder / (UPSTREAM % (version, plural))
        if path.is_file():
            return load(path.read_text(encoding="utf-8"), path.name)[0].body
    pytest.skip(f"operator {version}'s definitions are not in GPU_OBSERVABILITY_UPSTREAM, ../shared or the cache")


def test_the_operator_s_own_definitions_go_forward_and_never_back(cluster, site, server):
    older, newer = released("0.92.1", "prometheusagents"), released("0.93.0", "prometheusagents")
    site.install(older)  # by Helm, from a chart's folder crds: its field manager is the only mark
    body = {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "PrometheusAgent",
        "metadata": {"name": "k8s"},
        "spec": {},
    }
    made = wait_for_kind(server, cluster, body, "prometheusagents")

    with pytest.raises(InvalidInput, match=r"belongs to Helm \(field manager helm\)"):
        cluster.rollout(as_text(newer))
    cluster.rollout(as_text(newer), existing="adopt")
    assert not cluster.rollout(as_text(newer))["changed"]

    live = site.live(newer)
    assert live["metadata"]["annotations"]["operator.prometheus.io/version"] == "0.93.0"
    kept = server.request("GET", cluster.path("prometheusagents", "k8s", "/apis/" + body["apiVersion"]))
    assert kept["metadata"]["uid"] == made["metadata"]["uid"]
    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(as_text(older), component="another", existing="adopt")
    assert "fields that ours lacks: spec.tsdb.chunkEncoding" in str(caught.value)
