# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster has already: recognised, judged against what the site chose, and usable or not."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey import (
    findings,
    scope,
    signatures,
    survey,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Resource
from brownfield_layout import (
    admission,
    cert_manager,
    definition,
    gpu_operator,
    helm,
    kube_state_metrics,
    node_exporter,
    operator,
)

OURS = {
    "app.kubernetes.io/managed-by": "openhands.gpu_observability",
    "gpu-observability.openhands.dev/component": "prometheus_operator",
}
GROUP = "monitoring.coreos.com"
KINDS = ("Alertmanager", "PodMonitor", "Prometheus", "PrometheusRule", "ServiceMonitor")
SITE = [
    {
        "name": "prometheus_operator",
        "own": [{"kind": "Deployment", "namespace": "monitoring", "name": "prometheus-operator"}],
        "namespaces": ["monitoring"],
    },
    {"name": "prometheus", "own": [{"kind": "Prometheus", "namespace": "monitoring", "name": "prometheus"}]},
    {
        "name": "node_exporter",
        "host_ports": [9100],
        "own": [{"kind": "DaemonSet", "namespace": "monitoring-agents", "name": "node-exporter"}],
    },
    {
        "name": "kube_state_metrics",
        "own": [{"kind": "Deployment", "namespace": "monitoring", "name": "kube-state-metrics"}],
    },
]
BUILT_IN = (
    ("apps", "v1", "Deployment", "deployments"),
    ("apps", "v1", "DaemonSet", "daemonsets"),
    ("apps", "v1", "StatefulSet", "statefulsets"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False),
    ("", "v1", "Service", "services"),
    ("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
)


class Cluster:
    """Lists, page by page, and definitions by name."""

    def __init__(self, *bodies):
        self.bodies = list(bodies)
        self.refused = set()
        self.page = 2
        self.kinds = [Resource(*entry[:4], len(entry) == 4) for entry in BUILT_IN]
        for body in bodies:
            if body["kind"] == "CustomResourceDefinition":
                names = body["spec"]["names"]
                self.kinds.append(Resource(body["spec"]["group"], "v1", names["kind"], names["plural"], True))

    def resources(self):
        return self.kinds

    def resource(self, api_version, kind):
        return next((r for r in self.kinds if (r.api_version, r.kind) == (api_version, kind)), None)

    def get(self, path, query=None):
        if path in self.refused:
            raise ApiError(403, "Forbidden", "no")
        assert "customresourcedefinitions/" not in path, "a definition is large, and its metadata says whose it is"
        named = [b for b in self.bodies if self._path(b) == path]
        if named:
            return named[0]
        resource = next((r for r in self.kinds if r.path() == path), None)
        if resource is None:
            raise ApiError(404, "NotFound", path)
        of_kind = [b for b in self.bodies if b["kind"] == resource.kind]
        start = int((query or {}).get("continue") or 0)
        left = start + self.page < len(of_kind)
        items = [
            {k: v for k, v in b.items() if k not in ("kind", "apiVersion")} for b in of_kind[start : start + self.page]
        ]
        return {"items": items, "metadata": {"continue": str(start + self.page) if left else ""}}

    def metadata(self, path):
        if path in self.refused:
            raise ApiError(403, "Forbidden", "no")
        name = path.rpartition("/")[2]
        found = [b for b in self.bodies if b["metadata"]["name"] == name]
        if not found:
            raise ApiError(404, "NotFound", name)
        return {"kind": "PartialObjectMetadata", "metadata": found[0]["metadata"]}

    def _path(self, body):
        resource = self.resource(body["apiVersion"], body["kind"])
        return resource.path(body["metadata"].get("namespace", ""), body["metadata"]["name"]) if resource else ""


def ready(body):
    counted = "numberReady" if body["kind"] == "DaemonSet" else "readyReplicas"
    return {**body, "status": {counted: 1}}


def site(**existing):
    return [{**component, "existing": existing.get(component["name"], "stop")} for component in SITE]


def look(*bodies, **existing):
    return survey.run({"components": site(**existing)}, client=Cluster(*bodies))


def refused(*bodies, **existing):
    with pytest.raises(RolloutError) as caught:
        look(*bodies, **existing)
    return caught.value


def outcomes(result):
    return {entry["name"]: entry["outcome"] for entry in result["found"]}


def test_an_empty_cluster_has_nothing():
    assert look() == {"changed": False, "found": [], "table": [], "use": {}, "unread": [], "problems": []}


def test_what_is_ours_is_not_listed():
    body = operator("monitoring", "prometheus-operator")
    body["metadata"]["labels"] = OURS
    definitions = definition(GROUP, "Prometheus", {"labels": OURS})
    assert look(body, definitions)["found"] == []


def test_everything_is_listed_with_its_owner_and_version():
    bodies = [
        operator("watching"), node_exporter("watching"), kube_state_metrics("watching"), *gpu_operator("nvidia"),
        *cert_manager("cert-manager"), admission("kps-admission", GROUP), definition("nvidia.com", "ClusterPolicy"),
    ]  # fmt: skip
    found = {entry["name"]: entry for entry in refused(*bodies).result["found"]}
    seen = {name: (entry["product"], entry["owner"], entry["version"]) for name, entry in found.items()}
    release = "Helm release watching/kps (chart %s)"
    stack = release % "kube-prometheus-stack 65.1.0"
    manager = ("cert-manager", "Helm release cert-manager/cert-manager (chart cert-manager 1.16.1)", "1.16.1")
    exporter = ("dcgm-exporter", "the controller of ClusterPolicy cluster-policy", "3.3.8-3.6.0-ubuntu22.04")
    assert seen == {
        "kps-kube-prometheus-stack-operator": ("Prometheus Operator", stack, "0.77.1"),
        "kps-prometheus-node-exporter": ("node_exporter", release % "prometheus-node-exporter 4.39.0", "1.8.2"),
        "kps-kube-state-metrics": ("kube-state-metrics", release % "kube-state-metrics 5.25.1", "2.13.0"),
        "gpu-operator": ("GPU Operator", "Helm release nvidia/gpu-operator (chart gpu-operator 24.9.0)", "24.9.0"),
        "nvidia-dcgm-exporter": exporter,
        "cert-manager": manager,
        "cert-manager-webhook": manager,
        "cert-manager-cainjector": manager,
        "kps-admission": ("Prometheus Operator", stack, ""),
        "clusterpolicys.nvidia.com": ("GPU Operator", "", ""),
    }  # fmt: skip


def test_all_that_is_in_the_way_is_named_at_once_with_the_choice():
    error = refused(operator("watching"), node_exporter("watching"), kube_state_metrics("watching"))
    assert error.message.startswith("2 things are in the way. Nothing was written.")
    assert (
        "Deployment watching/kps-kube-prometheus-stack-operator of Helm release watching/kps "
        "(chart kube-prometheus-stack 65.1.0) looks after every namespace: two operators would undo each other's work. "
        "Set prometheus_operator_existing (use, adopt), or take it away" in error.message
    )
    assert "takes port 9100 of its nodes, which ours needs. Set node_exporter_existing" in error.message
    assert outcomes(error.result)["kps-kube-state-metrics"] == "beside ours: not in the way"
    assert error.message.splitlines()[-1] in error.result["table"]


def test_only_components_of_the_site_can_be_in_the_way():
    result = survey.run({"components": []}, client=Cluster(operator("watching"), node_exporter("watching")))
    assert set(outcomes(result).values()) == {"noted: no role of this site brings it"}


def test_another_port_is_no_trouble():
    assert outcomes(look(node_exporter("watching", 9101)))["kps-prometheus-node-exporter"].startswith("beside ours")


def test_any_program_on_the_port_is_found():
    body = node_exporter("tools")
    body["metadata"] = {"name": "agent", "namespace": "tools", "managedFields": [{"manager": "kubectl"}]}
    body["spec"]["template"]["spec"]["containers"][0] |= {"image": "example.org/agent:7"}
    assert "DaemonSet tools/agent takes port 9100 of its nodes" in refused(body).message


def test_a_host_port_counts_without_the_host_s_network():
    body = node_exporter("tools")
    pod = body["spec"]["template"]["spec"]
    pod["hostNetwork"] = False
    assert findings.host_ports(body) == set()
    pod["containers"][0]["ports"][0]["hostPort"] = 9100
    assert findings.host_ports(body) == {9100}
    pod["hostNetwork"] = True
    pod["containers"][0] |= {"ports": [], "args": ["--web.listen-address=127.0.0.1:9100"]}
    assert findings.host_ports(body) == set()


def test_an_operator_that_is_switched_off_fights_nobody():
    body = operator("watching")
    body["spec"]["replicas"] = 0
    assert outcomes(look(body)) == {"kps-kube-prometheus-stack-operator": "beside ours: not in the way"}


def test_confined_operators_live_side_by_side():
    theirs = operator("watching", args=("--namespaces=watching,other",))
    with pytest.raises(RolloutError, match="looks after the namespaces other, watching"):
        look(theirs)
    components = site()
    components[0]["arguments"] = ["--namespaces=monitoring"]
    assert survey.run({"components": components}, client=Cluster(theirs))["problems"] == []


def test_definitions_of_another_tool_are_in_the_way_and_may_be_adopted():
    metadata = helm("kps", "watching", "crds-0.0.0", "crds")
    bodies = [definition(GROUP, kind, copy.deepcopy(metadata)) for kind in KINDS]
    message = refused(*bodies).message
    assert "CustomResourceDefinition alertmanagers.monitoring.coreos.com and 4 more of Helm release" in message
    adopted = look(*bodies, prometheus_operator="adopt")
    assert list(outcomes(adopted).values()) == ["taken over, data kept"]


def test_definitions_without_an_owner_are_no_obstacle():
    assert list(outcomes(look(definition(GROUP, "Prometheus"))).values()) == ["beside ours: not in the way"]


def test_adopting_an_operator_of_another_name_is_no_way_out():
    message = refused(operator("watching"), prometheus_operator="adopt").message
    assert "prometheus_operator_existing: adopt takes over objects of the same name only" in message
    same = operator("monitoring", "prometheus-operator")
    assert outcomes(look(same, prometheus_operator="adopt")) == {"prometheus-operator": "taken over, data kept"}
    assert "has the name that ours gets" in refused(same).message


def test_an_instance_of_the_same_name():
    body = {
        "apiVersion": GROUP + "/v1",
        "kind": "Prometheus",
        "metadata": {"name": "prometheus", "namespace": "monitoring", **helm("kps", "monitoring", "x-1.0", "p")},
        "spec": {"version": "v2.55.0"},
    }
    other = copy.deepcopy(body)
    other["metadata"]["namespace"] = "watching"
    error = refused(definition(GROUP, "Prometheus"), body, other)
    assert error.message.count("has the name that ours gets") == 1
    assert [entry["version"] for entry in error.result["found"] if entry["kind"] == "Prometheus"] == ["2.55.0"] * 2


def test_any_object_with_a_name_of_ours_is_found_before_the_first_role_runs():
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "kube-state-metrics", **helm("ksm", "w", "kube-state-metrics-5.25.1", "x")},
    }
    by_hand = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "prometheus", "namespace": "monitoring"}}
    elsewhere = copy.deepcopy(by_hand)
    elsewhere["metadata"] |= {"namespace": "other", **helm("x", "other", "x-1.0.0", "x")}
    cluster = Cluster(role, by_hand, elsewhere)
    options = {"components": site(), "namespace": "monitoring", "agents_namespace": "monitoring-agents"}
    with pytest.raises(RolloutError) as caught:
        survey.run(options, client=cluster)
    assert caught.value.message.splitlines()[1] == (
        "- ClusterRole kube-state-metrics of Helm release w/ksm (chart kube-state-metrics 5.25.1) has the name that "
        "ours gets. Set kube_state_metrics_existing (use, adopt), or take it away."
    )
    assert [entry["name"] for entry in caught.value.result["found"]] == ["kube-state-metrics"]
    options["components"] = site(kube_state_metrics="adopt")
    assert outcomes(survey.run(options, client=cluster)) == {"kube-state-metrics": "taken over, data kept"}


def test_nothing_but_the_product_itself_can_be_used():
    agent = ready(node_exporter("tools"))
    agent["metadata"] = {"name": "agent", "namespace": "tools"}
    agent["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/agent:7"
    assert "nothing in this cluster can be relied on: there is none" in refused(agent, node_exporter="use").message


def test_what_is_recognised_is_listed_once():
    body = operator("monitoring", "prometheus-operator")
    options = {"components": site(prometheus_operator="adopt"), "namespace": "monitoring"}
    assert len(survey.run(options, client=Cluster(body))["found"]) == 1


def test_use_says_how_to_scrape_what_is_there():
    definitions = [definition(GROUP, kind) for kind in KINDS]
    bodies = [ready(body) for body in (operator("w"), node_exporter("w"), kube_state_metrics("w"))]
    result = look(*definitions, *bodies, prometheus_operator="use", node_exporter="use", kube_state_metrics="use")
    assert result["use"]["prometheus_operator"] == {
        "kind": "Deployment", "namespace": "w", "name": "kps-kube-prometheus-stack-operator", "version": "0.77.1",
        "labels": {"app.kubernetes.io/name": "kps-kube-prometheus-stack-operator"}, "port": "https", "scheme": "https",
    }  # fmt: skip
    assert {name: (use["port"], use["scheme"]) for name, use in result["use"].items()} == {
        "prometheus_operator": ("https", "https"),
        "node_exporter": ("http-metrics", "http"),
        "kube_state_metrics": ("http", "http"),
    }
    assert set(outcomes(result).values()) == {"ours is left out"}


def test_use_says_which_labels_an_operator_asks_for():
    definitions = [definition(GROUP, kind) for kind in KINDS]
    theirs = ready(operator("w", args=("--prometheus-instance-selector=fleet=a",)))
    said = outcomes(look(*definitions, theirs, prometheus_operator="use"))[theirs["metadata"]["name"]]
    assert said == "ours is left out; it only takes prometheus with the labels fleet=a"


def pods_without_a_name(body):
    body["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 8080}]
    return body


UNFIT = {
    "nothing there": ([], "kube_state_metrics", "there is none"),
    "no ready pod": ([kube_state_metrics("w")], "kube_state_metrics", "has no ready pod"),
    "no named port": ([ready(pods_without_a_name(kube_state_metrics("w")))], "kube_state_metrics", "a named port"),
    "another namespace": (
        [ready(operator("w", args=("--namespaces=w",)))],
        "prometheus_operator",
        "doesn't look after prometheus in monitoring, only the namespaces w",
    ),
    "a controller id": (
        [ready(operator("w", args=("--controller-id", "blue")))],
        "prometheus_operator",
        "only looks after objects of the controller id blue",
    ),
    "no definitions": ([ready(operator("w"))], "prometheus_operator", "doesn't serve Alertmanager, PodMonitor"),
    "not ours to share": ([], "prometheus", "isn't possible"),
}


@pytest.mark.parametrize(("bodies", "role", "said"), UNFIT.values(), ids=UNFIT)
def test_use_fails_where_nothing_serves(bodies, role, said):
    message = refused(*bodies, **{role: "use"}).message
    assert f"{role}_existing: use" in message
    assert said in message


def test_what_may_not_be_listed_is_said():
    cluster = Cluster(operator("watching"), definition(GROUP, "Prometheus"))
    cluster.refused = {"/apis/apps/v1/deployments"}
    cluster.refused.add("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/prometheuses.monitoring.coreos.com")
    result = survey.run({"components": SITE}, client=cluster)
    assert result["unread"] == ["apps/v1 Deployment: not allowed to look"]
    assert result["found"] == []


MEETINGS = {
    "both everywhere": ((), (), True),
    "one denies the other's only one": (("--deny-namespaces=a",), ("--namespaces=a",), False),
    "lists without a common name": (("--namespaces=a,b",), ("-namespaces", "c"), False),
    "a common name": (("--namespaces=a", "--namespaces=b"), ("--namespaces=b",), True),
    "scoped by instance": (("--namespaces=a", "--prometheus-instance-namespaces=b"), ("--namespaces=a",), False),
    "different ids": (("--controller-id=x",), (), False),
    "the same id": (("--controller-id=x",), ("--controller-id=x",), True),
}  # fmt: skip


@pytest.mark.parametrize(("left", "right", "meet"), MEETINGS.values(), ids=MEETINGS)
def test_whether_two_operators_meet(left, right, meet):
    one, other = scope.parse(left, "prometheus"), scope.parse(right, "prometheus")
    assert one.meets(other) is meet
    assert other.meets(one) is meet


IMAGES = {
    "quay.io/prometheus/node-exporter:v1.8.2": ("node-exporter", "1.8.2"),
    "mirror.example:5000/quay/node-exporter@sha256:0123": ("node-exporter", ""),
    "registry/x/node-exporter:1.9.0@sha256:0123": ("node-exporter", "1.9.0"),
    "node-exporter:master": ("node-exporter", ""),
    "node-exporter": ("node-exporter", ""),
}


@pytest.mark.parametrize(("image", "parts"), IMAGES.items(), ids=IMAGES)
def test_images_of_mirrors_are_recognised(image, parts):
    assert (signatures.repository_name(image), signatures.version_of(image)) == parts


def test_labels_tell_where_an_image_is_only_a_digest():
    body = operator("openshift-monitoring")
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.local/x@sha256:0123"
    assert signatures.recognise(body).role == "prometheus_operator"
