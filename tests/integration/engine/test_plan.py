# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found before the first write, and how it is said."""

from __future__ import annotations

import urllib.error

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, RolloutError
from integration.engine.conftest import Cluster, changes

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"


def deployment(name: str, container: str, spec: str = "") -> str:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      {spec}
      containers: [{container}]
"""


def widget(plural: str, extra: str = "") -> str:
    """A definition; ``extra`` is one more property of its spec."""
    kind = plural[:-1].capitalize()
    return f"""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.test.example.org}}
spec:
  group: test.example.org
  scope: Namespaced
  names: {{kind: {kind}, plural: {plural}, singular: {plural[:-1]}}}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties: {{size: {{type: integer}}{extra}}}
"""


def custom(kind: str, name: str, spec: str) -> str:
    return f"apiVersion: test.example.org/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def join(*documents: str) -> str:
    return "\n---\n".join(documents)


def refused(cluster: Cluster, text: str, **options: object) -> list[tuple[str, str, str]]:
    """Roll out, expect refusal, and return (object, field, message)."""
    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(text, **options)
    assert cluster.inventory() is None
    return [(problem.object, problem.field, problem.message) for problem in caught.value.problems]


BAD_FIELDS = [
    ("{name: c, image: i, nope: 1}", 'spec.template.spec.containers[name="c"].nope', "field not declared in schema"),
    ("{name: c, image: i, imagePullPolicy: Sometimes}", "spec.template.spec.containers[0].imagePullPolicy", "Unsup"),
    ("{name: c, image: i, env: [{name: A, value: 1}]}", 'spec.template.spec.containers[name="c"].env', "string, got 1"),
    ("{name: c, image: i, env: [{name: A}, {name: A}]}", 'spec.template.spec.containers[name="c"].env', "duplicate"),
    ("{name: c, image: i, resources: {limits: {cpu: half}}}", "resources.limits.cpu", "half isn't a quantity"),
]


@pytest.mark.parametrize(("container", "field", "message"), BAD_FIELDS)
def test_a_wrong_field_is_named(cluster, container, field, message):
    ((found_object, found_field, found_message), *_more) = refused(cluster, deployment("web", container))
    assert found_object == f"Deployment {cluster.namespace}/web"
    assert field in found_field
    assert message in found_message


def test_fifty_wrong_objects_give_fifty_problems_and_no_write(cluster):
    good = CONFIG_MAP % "good"
    bad = [deployment("web-%d" % number, "{name: c, image: i, nope: 1}") for number in range(50)]

    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(join(good, *bad))

    problems = caught.value.problems
    assert len({problem.object for problem in problems}) == 50
    lines = [int(problem.source.rpartition(":")[2]) for problem in problems]
    assert len(set(lines)) == 50
    assert "50 problems. Nothing was written." in caught.value.message
    assert cluster.get("configmaps", "good") is None
    assert cluster.inventory() is None


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("apiVersion: apps/v1\nkind: Deploymnt\nmetadata: {name: x}\n", "", "did you mean Deployment?"),
        ("apiVersion: v1\nkind: Deployment\nmetadata: {name: x}\n", "", "has Deployment in apps/v1"),
        ("apiVersion: ceph.rook.io/v1\nkind: CephCluster\nmetadata: {name: x}\n", "", "isn't installed"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: x, namespace: y}\n", "metadata.namespace", "cluster-wide"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}\n", "metadata.generateName", "fixed name"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", "metadata.name", "is missing"),
        ("kind: ConfigMap\nmetadata: {name: x}\n", "apiVersion", "is missing"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: gone}\n", "", "namespace gone doesn't exist"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {port: 80}\n", "data.port", "put it in quotes"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {key: '%%'}\n", "data.key", "isn't base64"),
    ],
)
def test_what_can_never_work_is_said(cluster, text, field, message):
    found = refused(cluster, text)
    assert len(found) == 1, found
    assert found[0][1] == field
    assert message in found[0][2]


def test_an_object_written_twice_is_refused_with_both_places(cluster):
    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(join(CONFIG_MAP % "one", CONFIG_MAP % "one"))
    (problem,) = caught.value.problems
    assert problem.source == "demo.yaml:6"
    assert "demo.yaml:1" in problem.message


def test_a_missing_storage_class_is_named_with_those_there_are(cluster):
    classes = [
        f"apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {cluster.namespace}-{name}}}\n"
        "provisioner: example.org/none\n"
        for name in ("slow", "fast")
    ]
    cluster.rollout(join(*classes))
    claim = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  storageClassName: %s
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"""
    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(claim % "nvme", component="claims")
    (problem,) = caught.value.problems
    assert problem.field == "spec.storageClassName"
    assert "no StorageClass nvme" in problem.message
    assert f"{cluster.namespace}-fast, {cluster.namespace}-slow" in problem.message
    assert changes(cluster.rollout(claim % f"{cluster.namespace}-fast", component="claims")) == {"data": "created"}


def test_a_missing_secret_is_a_warning_unless_optional_or_in_the_set(cluster):
    container = (
        "{name: c, image: i, envFrom: [{secretRef: {name: absent}}, {configMapRef: {name: ours}},"
        " {secretRef: {name: perhaps, optional: true}}]}"
    )
    result = cluster.rollout(join(deployment("web", container), CONFIG_MAP % "ours"))
    (warning,) = result["warnings"]
    assert "containers[c].envFrom names the Secret absent" in warning


def test_a_definition_and_its_objects_go_out_in_one_run(cluster):
    text = join(custom("Gadget", "one", "{size: 1}"), widget("gadgets"))
    result = cluster.rollout(text)
    assert changes(result) == {"one": "created", "gadgets.test.example.org": "created"}
    assert not cluster.rollout(text)["changed"]


RULE = ', amount: {type: string, x-kubernetes-validations: [{rule: "isQuantity(self)", message: no quantity}]}'


def test_what_only_the_server_finds_in_an_object_of_a_new_definition_stops_the_rest_and_a_rerun_completes(cluster):
    text = join(custom("Sprocket", "one", "{amount: big}"), widget("sprockets", RULE), CONFIG_MAP % "later")

    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(text)

    assert "nothing else was written" in caught.value.message
    (problem,) = caught.value.problems
    assert problem.object == f"Sprocket {cluster.namespace}/one"
    assert problem.field == "spec.amount"
    assert changes(caught.value.result) == {
        "one": "skipped",
        "sprockets.test.example.org": "created",
        "later": "skipped",
    }
    assert cluster.get("configmaps", "later") is None
    assert ("ConfigMap", "later") in (cluster.inventory() or [])

    result = cluster.rollout(text.replace("big", "'3'"))
    assert changes(result) == {"one": "created", "sprockets.test.example.org": "unchanged", "later": "created"}


def test_a_wrong_object_of_a_new_definition_is_found_before_anything_is_written(cluster):
    text = join(custom("Spindle", "one", "{size: big}"), widget("spindles"), CONFIG_MAP % "later")
    found = refused(cluster, text)
    assert found == [(f"Spindle {cluster.namespace}/one", "spec.size", 'must be an integer, not "big"')]
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/spindles.test.example.org"
    with pytest.raises(urllib.error.HTTPError):
        cluster.server.request("GET", path)


def test_a_new_field_of_a_definition_can_be_used_in_the_run_that_brings_it(cluster):
    cluster.rollout(join(widget("levers"), custom("Lever", "one", "{size: 1}")))
    text = join(widget("levers", ", color: {type: string}"), custom("Lever", "one", "{size: 1, color: red}"))
    result = cluster.rollout(text)
    assert changes(result) == {"levers.test.example.org": "configured", "one": "configured"}
    assert not cluster.rollout(text)["changed"]


def test_a_new_namespace_comes_with_its_objects(cluster):
    name = cluster.namespace + "-new"
    text = join(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n", CONFIG_MAP % "inside")
    result = cluster.rollout(text, namespace=name)
    assert changes(result) == {name: "created", "inside": "created"}
    assert not cluster.rollout(text, namespace=name)["changed"]


def test_a_wrong_object_of_a_new_namespace_keeps_the_namespace_from_being_made(cluster):
    name = cluster.namespace + "-never"
    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"
    with pytest.raises(InvalidInput) as caught:
        cluster.rollout(join(namespace, deployment("web", "{name: c, image: i, nope: 1}")), namespace=name)
    assert caught.value.problems[0].field.endswith("nope")
    with pytest.raises(urllib.error.HTTPError):
        cluster.server.request("GET", f"/api/v1/namespaces/{name}")


def test_a_pod_may_refer_to_what_its_set_brings(cluster):
    name = cluster.namespace + "-high"
    pod = """
apiVersion: v1
kind: Pod
metadata: {name: one}
spec: {priorityClassName: %s, containers: [{name: c, image: i}]}
"""
    priority = f"apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {{name: {name}}}\nvalue: 9\n"
    text = join(pod % name, priority)
    result = cluster.rollout(text)
    assert set(changes(result).values()) == {"created"}
    assert not cluster.rollout(text)["changed"]


def test_an_override_reaches_its_object_and_one_without_object_is_refused(cluster):
    override = {"kind": "ConfigMap", "name": "one", "merge": {"data": {"a": "site"}}}
    cluster.rollout(CONFIG_MAP % "one", overrides=[override])
    assert cluster.get("configmaps", "one")["data"] == {"a": "site"}
    with pytest.raises(RolloutError, match="did you mean ConfigMap one"):
        cluster.rollout(CONFIG_MAP % "one", overrides=[{**override, "name": "on"}])


def test_an_object_that_is_being_deleted_is_not_written_to(cluster):
    body = {"metadata": {"name": "held", "finalizers": ["example.org/hold"]}}
    cluster.server.request("POST", cluster.path("configmaps"), body)
    cluster.server.request("DELETE", cluster.path("configmaps", "held"))
    ((_object, _field, message),) = refused(cluster, CONFIG_MAP % "held")
    assert "is being deleted (finalizers: example.org/hold)" in message


def test_check_mode_before_the_definitions_are_there_warns(cluster):
    result = cluster.rollout(custom("Unheard", "one", "{}"), check_mode=True)
    assert changes(result) == {"one": "created"}
    assert "kinds that nobody here defines: 1 (test.example.org/v1 Unheard)" in result["warnings"][0]
