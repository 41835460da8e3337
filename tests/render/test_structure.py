# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the objects must say beyond being well formed: they find each other, and they are safe to run."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey import ours
from render.inputs import ALERTMANAGER, CASES, FOUND, PLACE, PROMETHEUS, runs_pods

TEAM = {"team": "openhands"}
MONITORS = ("ServiceMonitor", "PodMonitor", "ScrapeConfig", "PrometheusRule", "Probe")


def of_kind(found, kind):
    return [body for (name, _), body in found.items() if name == kind]


def pods(found):
    return [body["spec"]["template"]["spec"] for kind in ("Deployment", "DaemonSet") for body in of_kind(found, kind)]


def spec(found, kind, name):
    return found[kind, name]["spec"]


@pytest.mark.parametrize(("role", "variables"), CASES)
def test_every_monitor_and_rule_is_one_that_prometheus_selects(objects, role, variables):
    chosen = spec(objects("prometheus"), "Prometheus", "prometheus")
    for kind in MONITORS:
        field = kind.removeprefix("Prometheus")[0].lower() + kind.removeprefix("Prometheus")[1:]
        assert chosen[f"{field}Selector"] == {"matchLabels": TEAM}
        assert chosen[f"{field}NamespaceSelector"] == {}
        for body in of_kind(objects(role, **variables), kind):
            assert body["metadata"]["labels"].items() >= TEAM.items(), body["metadata"]["name"]


@pytest.mark.parametrize("role", ["prometheus_operator", "prometheus", "alertmanager", "kube_state_metrics"])
def test_a_role_s_own_monitor_finds_its_service_and_port(objects, role):
    found = objects(role)
    name = role.replace("_", "-")
    monitor, service = spec(found, "ServiceMonitor", name), found["Service", name]
    assert service["metadata"]["labels"].items() >= monitor["selector"]["matchLabels"].items()
    ports = {port["name"] for port in service["spec"]["ports"]}
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= ports
    assert monitor["jobLabel"] == "app.kubernetes.io/name"
    assert service["metadata"]["labels"]["app.kubernetes.io/name"] == name


def test_node_exporter_s_monitor_finds_its_pods_where_they_are(objects):
    found = objects("node_exporter")
    daemon, monitor = found["DaemonSet", "node-exporter"], spec(found, "PodMonitor", "node-exporter")
    assert daemon["metadata"]["namespace"] in monitor["namespaceSelector"]["matchNames"]
    labels = daemon["spec"]["template"]["metadata"]["labels"]
    assert labels.items() >= monitor["selector"]["matchLabels"].items()
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in daemon["spec"]["template"]["spec"]["containers"][0]["ports"]}
    targets = {rule["targetLabel"]: rule["sourceLabels"] for rule in endpoint["relabelings"]}
    assert targets["node"] == targets["instance"] == ["__meta_kubernetes_pod_node_name"]


def test_the_seed_s_prometheus(objects):
    prometheus = spec(objects("prometheus"), "Prometheus", "prometheus")
    claim = prometheus["storage"]["volumeClaimTemplate"]["spec"]
    assert (prometheus["replicas"], prometheus["retention"]) == (2, "15d")
    assert (claim["storageClassName"], claim["resources"]["requests"]["storage"]) == ("rook-ceph-block", "100Gi")
    assert prometheus["alerting"]["alertmanagers"] == [
        {"name": "alertmanager-operated", "namespace": "monitoring", "port": "web"}
    ]
    assert prometheus["externalLabels"] == {"cluster": "test"}
    assert prometheus["image"].endswith(":" + prometheus["version"])
    assert prometheus["securityContext"]["fsGroup"] == 2000
    assert prometheus["securityContext"]["runAsNonRoot"] is True
    assert prometheus["enforcedSampleLimit"] > 0
    assert "thanos" not in prometheus


@pytest.mark.parametrize(("size", "cap"), [("100Gi", 87040), ("2Gi", 1740), ("512Mi", 435), ("1Ti", 891289)])
def test_the_size_cap_stays_below_the_volume(objects, size, cap):
    prometheus = spec(objects("prometheus", prometheus_storage_size=size), "Prometheus", "prometheus")
    assert prometheus["retentionSize"] == f"{cap}MiB"


def test_prometheus_choices(objects):
    found = objects("prometheus", **PROMETHEUS)
    prometheus = spec(found, "Prometheus", "prometheus")
    namespaces = ["monitoring", "monitoring-agents", "default", "kube-system", "models"]
    assert prometheus["serviceMonitorSelector"] == {}
    (expression,) = prometheus["ruleNamespaceSelector"]["matchExpressions"]
    assert expression["values"] == namespaces
    assert "storageClassName" not in prometheus["storage"]["volumeClaimTemplate"]["spec"]
    assert prometheus["externalLabels"] == {"cluster": "test", "region": "hall-1"}
    assert prometheus["thanos"]["objectStorageConfig"]["key"] == "thanos.yaml"
    assert prometheus["thanos"]["image"].endswith(":" + prometheus["thanos"]["version"])
    assert "baseImage" not in prometheus["thanos"]
    assert "requiredDuringSchedulingIgnoredDuringExecution" in prometheus["affinity"]["podAntiAffinity"]


def test_the_sidecar_s_image_follows_its_version(objects):
    found = objects("prometheus", prometheus_thanos={"version": "v0.42.3"})
    assert spec(found, "Prometheus", "prometheus")["thanos"]["image"].endswith("/thanos:v0.42.3")


def test_discovery_is_bound_once_for_all_namespaces_or_in_each_one_given(rendered_list):
    wide = rendered_list("prometheus")
    assert "prometheus-discovery" in [b["metadata"]["name"] for b in wide if b["kind"] == "ClusterRoleBinding"]
    assert not [body for body in wide if body["kind"] == "RoleBinding"]
    narrow = rendered_list("prometheus", prometheus_namespaces=["models", "monitoring"])
    bound = [body["metadata"]["namespace"] for body in narrow if body["kind"] == "RoleBinding"]
    assert bound == ["monitoring", "monitoring-agents", "default", "models"]
    assert "prometheus-discovery" not in [b["metadata"]["name"] for b in narrow if b["kind"] == "ClusterRoleBinding"]


def test_scrape_classes_are_declared_and_carry_no_secret(objects):
    found = objects("prometheus", prometheus_targets=["kubelet", "cadvisor", "apiserver", "coredns"])
    classes = {entry["name"]: entry for entry in spec(found, "Prometheus", "prometheus")["scrapeClasses"]}
    used = {body["spec"]["scrapeClass"] for body in found.values() if "scrapeClass" in body.get("spec", {})}
    assert used == set(classes)
    assert classes["kubelet"]["tlsConfig"]["insecureSkipVerify"] is True
    assert "insecureSkipVerify" not in classes["apiserver"]["tlsConfig"]
    strict = objects("prometheus", prometheus_kubelet_verify=True)
    verified = {entry["name"]: entry for entry in spec(strict, "Prometheus", "prometheus")["scrapeClasses"]}
    assert verified["kubelet"]["tlsConfig"]["insecureSkipVerify"] is False


def test_kubelet_series_name_their_node(objects):
    found = objects("prometheus")
    for name, path in (("kubelet", "/metrics"), ("cadvisor", "/metrics/cadvisor")):
        config = spec(found, "ScrapeConfig", name)
        assert (config["jobName"], config["metricsPath"]) == (name, path)
        assert {"sourceLabels": ["__meta_kubernetes_node_name"], "targetLabel": "node"} in config["relabelings"]


def dropped(config, **labels):
    for rule in config["metricRelabelings"]:
        value = ";".join(labels.get(name, "") for name in rule["sourceLabels"])
        if rule["action"] == "drop" and re.fullmatch(rule["regex"], value):
            return True
    return False


@pytest.mark.parametrize(
    ("name", "pod", "kept"),
    [
        ("container_memory_working_set_bytes", "model-server-0", True),
        ("container_spec_memory_limit_bytes", "model-server-0", True),
        ("container_cpu_usage_seconds_total", "model-server-0", True),
        ("container_oom_events_total", "model-server-0", True),
        ("container_memory_working_set_bytes", "", False),
        ("container_tasks_state", "model-server-0", False),
        ("container_scrape_error", "", True),
        ("machine_memory_bytes", "", True),
    ],
)
def test_cadvisor_keeps_what_rules_read(objects, name, pod, kept):
    cadvisor = spec(objects("prometheus"), "ScrapeConfig", "cadvisor")
    assert dropped(cadvisor, __name__=name, pod=pod) is not kept


@pytest.mark.parametrize(("role", "instance"), [("prometheus", "prometheus"), ("alertmanager", "main")])
def test_disruption_budgets_select_the_operator_s_pods(objects, role, instance):
    labels = {"app.kubernetes.io/name": role, "app.kubernetes.io/instance": instance}
    found = objects(role)
    budget = spec(found, "PodDisruptionBudget", role)
    assert (budget["maxUnavailable"], budget["selector"]["matchLabels"]) == (1, labels)
    assert spec(found, "Service", role)["selector"] == labels
    assert ("PodDisruptionBudget", role) not in objects(role, **{f"{role}_replicas": 1})


@pytest.mark.parametrize(("role", "variables"), CASES)
def test_images_are_pinned_and_go_through_the_mirror(objects, role, variables):
    site = {"platform_image_mirror": PLACE["image_mirror"]}
    found = objects(role, transform=PLACE, **site, **variables)
    text = yaml.safe_dump(list(found.values()))
    images = set(re.findall(r"(?:image: |reloader=)(\S+)", text))
    assert bool(images) == runs_pods(role, variables)
    for image in images:
        assert image.startswith("mirror.example/x/"), image
        assert re.search(r":v?\d+\.\d+\.\d+(-[\w.]+)*$", image), image
    assert "latest" not in text


@pytest.mark.parametrize("role", ["prometheus_operator", "node_exporter", "kube_state_metrics"])
def test_pods_run_with_as_little_as_they_need(objects, role):
    (pod,) = pods(objects(role))
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"]
    assert container["resources"]["limits"]["memory"]
    assert "readinessProbe" in container


def test_only_who_asks_the_api_gets_a_token(objects):
    tokens = {
        role: pods(objects(role))[0]["automountServiceAccountToken"]
        for role in ("prometheus_operator", "node_exporter")
    }
    assert tokens == {"prometheus_operator": True, "node_exporter": False}
    assert spec(objects("alertmanager"), "Alertmanager", "main")["automountServiceAccountToken"] is False


def test_operator_arguments(objects):
    (pod,) = pods(objects("prometheus_operator", prometheus_operator_namespaces=["models", "monitoring"]))
    args = pod["containers"][0]["args"]
    assert "--namespaces=monitoring,models" in args
    assert "--repair-policy-for-statefulsets=evict" in args
    assert "--feature-gates=StatusForConfigurationResources=true" in args
    assert "--config-reloader-cpu-limit=0" in args
    assert "--config-reloader-memory-request=50Mi" in args


def test_eviction_is_allowed_only_where_it_is_the_policy(objects):
    name = ("ClusterRole", "prometheus-operator-eviction")
    assert name in objects("prometheus_operator")
    assert name not in objects("prometheus_operator", prometheus_operator_repair_policy="delete")


def test_kube_state_metrics_may_do_exactly_what_it_is_told_to_report(objects):
    kinds = {"": ["pods", "nodes"], "apps": ["deployments"], "batch": []}
    found = objects("kube_state_metrics", kube_state_metrics_kinds=kinds)
    rules = found["ClusterRole", "kube-state-metrics"]["rules"]
    assert [(rule["apiGroups"], rule["resources"]) for rule in rules] == [
        ([""], ["pods", "nodes"]),
        (["apps"], ["deployments"]),
    ]
    assert {tuple(rule["verbs"]) for rule in rules} == {("list", "watch")}
    assert "--resources=deployments,nodes,pods" in pods(found)[0]["containers"][0]["args"]
    everything = objects("kube_state_metrics")["ClusterRole", "kube-state-metrics"]["rules"]
    assert "secrets" not in [resource for rule in everything for resource in rule["resources"]]


def configuration(found):
    return yaml.safe_load(found["Secret", "alertmanager-config"]["stringData"]["alertmanager.yaml"])


def test_the_seed_s_alertmanager(objects):
    found = objects("alertmanager", **ALERTMANAGER)
    config = configuration(found)
    route = config["route"]
    assert route["group_by"] == ["alertname", "cluster", "service"]
    assert (route["group_wait"], route["group_interval"], route["repeat_interval"]) == ("30s", "5m", "4h")
    assert config["global"] == {"resolve_timeout": "5m"}
    receivers = {receiver["name"]: receiver for receiver in config["receivers"]}
    (slack,) = receivers["slack-notifications"]["slack_configs"]
    assert (slack["channel"], slack["send_resolved"]) == ("#alerts", True)
    assert slack["title"] == "[{{ .Status | toUpper }}] {{ .CommonLabels.alertname }}"
    for line in (
        "Alert:* {{ .Annotations.summary }}",
        "Severity:* {{ .Labels.severity }}",
        "Started:* {{ .StartsAt }}",
    ):
        assert line in slack["text"]
    (pagerduty,) = receivers["pagerduty-critical"]["pagerduty_configs"]
    assert pagerduty["routing_key_file"] == "/etc/alertmanager/secrets/pagerduty/routing-key"
    main = spec(found, "Alertmanager", "main")
    assert (main["replicas"], main["configSecret"]) == (2, "alertmanager-config")


def test_credentials_are_files_and_every_file_is_mounted(objects):
    found = objects("alertmanager", **ALERTMANAGER)
    text = found["Secret", "alertmanager-config"]["stringData"]["alertmanager.yaml"]
    assert "secret-part" not in text
    mounted = set(spec(found, "Alertmanager", "main")["secrets"])
    assert set(re.findall(r"/etc/alertmanager/secrets/([^/]+)/", text)) == mounted
    assert mounted == {"alertmanager-credentials", "pagerduty", "storage-hook"}
    own = found["Secret", "alertmanager-credentials"]["stringData"]
    assert set(own) == {"slack-url", "heartbeat-url"}
    assert own["slack-url"] == ALERTMANAGER["alertmanager_slack_url"]


def test_without_credentials_there_is_no_secret_for_them(objects):
    found = objects("alertmanager")
    assert ("Secret", "alertmanager-credentials") not in found
    assert "secrets" not in spec(found, "Alertmanager", "main")


def test_the_platform_s_namespaces(objects, lock):
    found = objects("platform")
    levels = {
        name: body["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for (_, name), body in found.items()
    }
    assert levels == {"monitoring": "baseline", "monitoring-agents": "privileged"}


def test_the_lock_pins_everything(lock):
    for version, release in lock["prometheus_operator"]["releases"].items():
        files = release["definitions"] + release["permissions"]
        assert len(release["definitions"]) == 10
        assert all(re.fullmatch("[0-9a-f]{64}", file["sha256"]) for file in files)
        assert all(f"/v{version}/" in file["path"] for file in files)
    assert lock["prometheus_operator"]["version"] in lock["prometheus_operator"]["releases"]
    for component in lock.values():
        assert re.fullmatch(r"(\d+\.\d+\.\d+-)?\d+\.\d+\.\d+", component["version"])
        assert not [image for image in component["images"].values() if ":" in image]


def test_overrides_reach_the_objects(objects):
    merge = {"spec": {"enableFeatures": ["exemplar-storage"], "walCompression": None}}
    found = objects("prometheus", prometheus_overrides=[{"kind": "Prometheus", "name": "prometheus", "merge": merge}])
    prometheus = spec(found, "Prometheus", "prometheus")
    assert prometheus["enableFeatures"] == ["exemplar-storage"]
    assert "walCompression" not in prometheus


@pytest.mark.parametrize("role", ["prometheus_operator", "node_exporter", "kube_state_metrics"])
def test_what_is_there_already_is_scraped_and_nothing_is_installed(objects, role):
    name = role.replace("_", "-")
    found = objects(role, **{f"{role}_existing": "use", "__platform_survey": {"use": {role: FOUND}}})
    assert {kind for kind, _name in found} == {"PodMonitor", "PrometheusRule"}
    monitor = spec(found, "PodMonitor", name)
    assert monitor["namespaceSelector"] == {"matchNames": ["watching"]}
    assert monitor["selector"] == {"matchLabels": {"app": "theirs"}}
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["scheme"]) == ("https", "https")
    assert {"targetLabel": "job", "replacement": name} in endpoint["relabelings"]


@pytest.mark.parametrize("role", ["prometheus_operator", "node_exporter", "kube_state_metrics"])
def test_relying_on_something_needs_the_survey(objects, role):
    with pytest.raises(InvalidInput):
        objects(role, **{f"{role}_existing": "use"})


@pytest.mark.parametrize("role", sorted(ours.OWN))
def test_the_survey_knows_every_object_that_a_role_makes(rendered_list, role):
    made = {
        (body["apiVersion"], body["kind"], "" if body["kind"].startswith("Cluster") else namespace, name)
        for body in rendered_list(role)
        for namespace, name in [(body["metadata"].get("namespace", "monitoring"), body["metadata"]["name"])]
    }
    known = set(ours.objects(role, "monitoring", "monitoring-agents"))
    # The operator's permissions come with its release.
    assert known - made <= {("rbac.authorization.k8s.io/v1", "ClusterRole", "", "prometheus-operator")}
    assert made <= known
