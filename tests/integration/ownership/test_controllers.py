# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that controllers are meant to write are left to them, and a mutating policy makes no endless drift."""

from __future__ import annotations

import base64
import json

import pytest
from integration.engine.conftest import changes
from integration.ownership.conftest import forget, until

APPS = "/apis/apps/v1"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example.org/web:1, resources: {requests: {cpu: 100m}}}]}
"""
SCALER = """---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web-scaler}
spec:
  minReplicas: %d
  maxReplicas: 5
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
"""


def replicas(cluster):
    return cluster.get("deployments", "web", APPS)["spec"]["replicas"]


def scaled(cluster, number):
    """What the real autoscaler would write when its metrics say so: the same call under the same name."""
    path = cluster.path("deployments", "web", APPS) + "/scale?fieldManager=kube-controller-manager"
    cluster.server.request("PATCH", path, {"spec": {"replicas": number}}, "application/merge-patch+json")


@pytest.mark.usefixtures("controllers")
def test_a_real_autoscalers_replicas_are_no_drift(cluster):
    """Below minReplicas the autoscaler scales without any metric."""
    wanted = DEPLOYMENT % 1 + SCALER % 3
    cluster.rollout(wanted)
    until(lambda: replicas(cluster) == 3)
    for _round in range(2):
        assert changes(cluster.rollout(wanted)) == {"web": "unchanged", "web-scaler": "unchanged"}
        forget(cluster)
    assert replicas(cluster) == 3
    # A change elsewhere in the Deployment leaves the replicas alone too.
    other = wanted.replace("web:1", "web:2")
    assert changes(cluster.rollout(other))["web"] == "configured"
    assert replicas(cluster) == 3
    assert changes(cluster.rollout(other))["web"] == "unchanged"


def test_the_replicas_stay_the_autoscalers_when_both_agree(cluster):
    wanted = DEPLOYMENT % 2 + SCALER % 1
    cluster.rollout(wanted)
    for number in (4, 2, 5):
        scaled(cluster, number)
        assert changes(cluster.rollout(wanted))["web"] == "unchanged"
        assert replicas(cluster) == number


def test_another_number_in_the_template_changes_nothing_while_an_autoscaler_is_there(cluster):
    cluster.rollout(DEPLOYMENT % 2 + SCALER % 1)
    assert changes(cluster.rollout(DEPLOYMENT % 4 + SCALER % 1))["web"] == "unchanged"
    assert replicas(cluster) == 2
    # Not in the template at all: that gives the field up, and must not make it the default of 1.
    scaled(cluster, 4)
    cluster.rollout((DEPLOYMENT % 2).replace("  replicas: 2\n", "") + SCALER % 1)
    assert replicas(cluster) == 4


def test_replicas_come_back_to_us_when_the_autoscaler_is_gone(cluster):
    cluster.rollout(DEPLOYMENT % 2 + SCALER % 1)
    scaled(cluster, 5)
    path = cluster.path("horizontalpodautoscalers", "web-scaler", "/apis/autoscaling/v2")
    cluster.server.request("DELETE", path)
    result = cluster.rollout(DEPLOYMENT % 2)
    assert changes(result)["web"] == "configured"
    assert "no autoscaler targets it any more" in " ".join(result["warnings"])
    assert replicas(cluster) == 2
    assert changes(cluster.rollout(DEPLOYMENT % 2))["web"] == "unchanged"


def test_a_restart_by_hand_is_no_drift(cluster, kubectl):
    cluster.rollout(DEPLOYMENT % 0)
    kubectl("rollout", "restart", "deployment/web")
    assert changes(cluster.rollout(DEPLOYMENT % 0)) == {"web": "unchanged"}
    assert changes(cluster.rollout((DEPLOYMENT % 0).replace("web:1", "web:2"))) == {"web": "configured"}
    annotations = cluster.get("deployments", "web", APPS)["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in annotations


@pytest.mark.usefixtures("controllers")
def test_the_rules_of_an_aggregated_role_are_its_controllers(cluster):
    names = {"aggregate": "all-" + cluster.namespace, "part": "part-" + cluster.namespace}
    text = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %(aggregate)s}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {into: %(aggregate)s}}]}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %(part)s, labels: {into: %(aggregate)s}}
rules: [{apiGroups: [''], resources: [pods], verbs: [%(verbs)s]}]
"""
    cluster.rollout(text % {**names, "verbs": "get"})
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/" + names["aggregate"]
    until(lambda: cluster.server.request("GET", path).get("rules"))
    assert set(changes(cluster.rollout(text % {**names, "verbs": "get"})).values()) == {"unchanged"}
    result = changes(cluster.rollout(text % {**names, "verbs": "list"}))
    assert result == {names["aggregate"]: "unchanged", names["part"]: "configured"}
    until(lambda: cluster.server.request("GET", path)["rules"][0]["verbs"] == ["list"])


BUNDLES = {
    "cainjector": "cainjector",
    "cainjector-server-side": "cert-manager-cainjector",
    "service-ca": "service-ca-operator",
}


@pytest.mark.parametrize("injector", BUNDLES.values(), ids=BUNDLES)
def test_an_injected_bundle_is_no_drift(cluster, injector):
    """Imitated by the call that an injector makes; its name is what counts."""
    text = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: NS}
webhooks:
  - name: one.example.org
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    clientConfig: {caBundle: Cg==, service: {name: none, namespace: NS}}
    rules: [{apiGroups: [none.example.org], apiVersions: [v1], operations: [CREATE], resources: [nothing]}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v9.NS.example.org}
spec:
  {group: NS.example.org, version: v9, groupPriorityMinimum: 100, versionPriority: 10, caBundle: Cg==,
   service: {name: none, namespace: NS}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.NS.example.org}
spec:
  group: NS.example.org
  scope: Namespaced
  names: {kind: Thing, plural: things}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {caBundle: BUNDLE, service: {name: none, namespace: NS}}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
    certificate = cluster.server.authority.path.read_bytes()
    ours, injected = (base64.b64encode(bundle).decode() for bundle in (certificate, certificate * 2))
    text = (text.replace("NS", cluster.namespace)).replace("Cg==", ours).replace("BUNDLE", ours)
    cluster.rollout(text)
    group = cluster.namespace + ".example.org"
    places = (
        ("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/" + cluster.namespace, "/webhooks/0"),
        ("/apis/apiregistration.k8s.io/v1/apiservices/v9." + group, "/spec"),
        ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things." + group, "/spec/conversion/webhook"),
    )
    for path, where in places:
        below = where if where == "/spec" else where + "/clientConfig"
        change = [{"op": "replace", "path": below + "/caBundle", "value": injected}]
        url = "%s?fieldManager=%s" % (path, injector)
        cluster.server.request("PATCH", url, change, "application/json-patch+json")
    for _round in range(2):
        assert set(changes(cluster.rollout(text)).values()) == {"unchanged"}
        forget(cluster)
    assert changes(cluster.rollout(text.replace("versionPriority: 10", "versionPriority: 11")))["v9." + group] == (
        "configured"
    )
    for path, _where in places:
        assert injected in json.dumps(cluster.server.request("GET", path))


def test_a_claim_that_was_grown_stays_grown(cluster):
    claim = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: NS, resources: {requests: {storage: %s}}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: NS}
provisioner: example.org/none
allowVolumeExpansion: true
"""
    text = claim.replace("NS", cluster.namespace)
    cluster.rollout(text % "1Gi")
    path = cluster.path("persistentvolumeclaims", "data")
    bound = {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}
    volume = {"spec": {"volumeName": "none"}}
    cluster.server.request("PATCH", path, volume, "application/merge-patch+json")
    cluster.server.request("PATCH", path + "/status", bound, "application/merge-patch+json")
    grown = {"spec": {"resources": {"requests": {"storage": "5Gi"}}}}
    cluster.server.request("PATCH", path + "?fieldManager=autoresizer", grown, "application/merge-patch+json")
    for _round in range(2):
        assert changes(cluster.rollout(text % "1Gi"))["data"] == "unchanged"
    cluster.rollout(
        text % "8Gi", take_over=[{"kind": "PersistentVolumeClaim", "name": "data", "fields": ["spec.resources"]}]
    )
    assert cluster.get("persistentvolumeclaims", "data")["spec"]["resources"]["requests"]["storage"] == "8Gi"


POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: NS}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps, secrets]}
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NS}}
  matchConditions: [{name: ours, expression: "object.metadata.name == 'one'"}]
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations: [{patchType: JSONPatch, jsonPatch: {expression: "MUTATION"}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: NS}
spec: {policyName: NS}
"""
MUTATIONS = {
    "of-a-value-of-ours": "[JSONPatch{op: 'replace', path: '/metadata/labels/a', value: 'mutated'}]",
    "that-adds": "[JSONPatch{op: 'add', path: '/metadata/labels/added', value: 'x'}]",
    "that-removes-ours": "object.metadata.labels.exists(l, l == 'a') ? "
    "[JSONPatch{op: 'remove', path: '/metadata/labels/a'}] : []",
    "that-differs-each-time": "[JSONPatch{op: 'add', path: '/metadata/labels/count', value: "
    "has(oldObject.metadata) && 'count' in oldObject.metadata.labels ? "
    "string(int(oldObject.metadata.labels.count) + 1) : '0'}]",
}


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_what_admission_changes_makes_no_endless_drift(cluster, kind, mutation):
    policy = POLICY.replace("NS", cluster.namespace).replace("MUTATION", mutation)
    try:
        cluster.rollout(policy, component="policy")
    except Exception as error:
        if "MutatingAdmissionPolicy" in str(error) and "no kind" in str(error):
            pytest.skip("this API server doesn't serve MutatingAdmissionPolicy")
        raise
    text = "apiVersion: v1\nkind: %s\nmetadata: {name: one, labels: {a: ours, b: ours}}\ndata: {x: eA==}\n" % kind
    plural = kind.lower() + "s"

    def mutates():
        probe = {"metadata": {"name": "one", "labels": {"a": "probe"}}}
        path = cluster.path("configmaps") + "?dryRun=All"
        return cluster.server.request("POST", path, probe)["metadata"].get("labels") != {"a": "probe"}

    until(mutates)
    assert changes(cluster.rollout(text)) == {"one": "created"}
    before = cluster.get(plural, "one")
    for _round in range(3):
        assert changes(cluster.rollout(text)) == {"one": "unchanged"}
        forget(cluster)
    assert cluster.get(plural, "one") == before
    assert changes(cluster.rollout(text.replace("eA==", "eQ=="))) == {"one": "configured"}
    assert changes(cluster.rollout(text.replace("eA==", "eQ=="))) == {"one": "unchanged"}


def test_conflicts_of_unknown_controllers_still_stop(cluster):
    cluster.rollout(DEPLOYMENT % 2)
    path = cluster.path("deployments", "web", APPS) + "/scale?fieldManager=somebody"
    cluster.server.request("PATCH", path, {"spec": {"replicas": 4}}, "application/merge-patch+json")
    with pytest.raises(Exception, match="somebody"):
        cluster.rollout(DEPLOYMENT % 2)
