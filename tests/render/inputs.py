# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs that the roles are rendered with: the defaults, and every choice at least once."""

from __future__ import annotations

import pytest

PLACE = {"image_mirror": "mirror.example/x", "pull_secrets": ["login"], "node_selector": {"pool": "infra"}}

PROMETHEUS = {
    "prometheus_anti_affinity": "required",
    "prometheus_priority_class": "high",
    "prometheus_external_url": "https://prometheus.example.com",
    "prometheus_external_labels": {"region": "hall-1"},
    "prometheus_storage_class": "",
    "prometheus_storage_size": "2Gi",
    "prometheus_select": "all",
    "prometheus_namespaces": ["models"],
    "prometheus_targets": ["kubelet", "cadvisor", "apiserver", "coredns"],
    "prometheus_kubelet_verify": True,
    "prometheus_remote_write": [{"url": "https://receive.example.com/api/v1/receive"}],
    "prometheus_additional_args": [{"name": "query.lookback-delta", "value": "2m"}],
    "prometheus_thanos": {"objectStorageConfig": {"name": "thanos-objstore-config", "key": "thanos.yaml"}},
}
ALERTMANAGER = {
    "alertmanager_anti_affinity": "required",
    "alertmanager_priority_class": "high",
    "alertmanager_external_url": "https://alerts.example.com",
    "alertmanager_storage_class": "",
    "alertmanager_slack_url": "https://hooks.slack.com/services/T0/B0/secret-part",
    "alertmanager_pagerduty_secret": {"name": "pagerduty", "key": "routing-key"},
    "alertmanager_heartbeat_url": "https://heart.example.com/ping/secret-part",
    "alertmanager_webhooks": [
        {"name": "copy", "url": "http://receiver.models.svc:8080/alerts"},
        {
            "name": "storage",
            "secret": {"name": "storage-hook", "key": "url"},
            "matchers": ['alertname=~"Ceph.*"'],
            "send_resolved": False,
            "repeat_interval": "1h",
        },
    ],
    "alertmanager_routes": [{"receiver": "night", "matchers": ['team="night"'], "continue": True}],
    "alertmanager_receivers": [{"name": "night", "webhook_configs": [{"url": "http://night.example.com"}]}],
}

FOUND = {
    "kind": "Deployment",
    "namespace": "watching",
    "name": "theirs",
    "version": "1.2.3",
    "labels": {"app": "theirs"},
    "port": "https",
    "scheme": "https",
}
"""What a survey says of something to rely on."""

CASES = [
    pytest.param("prometheus_operator", {}, id="prometheus_operator"),
    pytest.param(
        "prometheus_operator",
        {
            "prometheus_operator_namespaces": ["models"],
            "prometheus_operator_repair_policy": "none",
            "prometheus_operator_priority_class": "high",
            "prometheus_operator_extra_args": ["--enable-config-reloader-probes"],
            "prometheus_operator_reloader_resources": {},
        },
        id="prometheus_operator-choices",
    ),
    pytest.param("prometheus", {}, id="prometheus"),
    pytest.param("prometheus", PROMETHEUS, id="prometheus-choices"),
    pytest.param("prometheus", {"prometheus_replicas": 1, "prometheus_anti_affinity": "none"}, id="prometheus-single"),
    pytest.param("alertmanager", {}, id="alertmanager"),
    pytest.param("alertmanager", ALERTMANAGER, id="alertmanager-choices"),
    pytest.param(
        "alertmanager", {"alertmanager_replicas": 1, "alertmanager_anti_affinity": "none"}, id="alertmanager-single"
    ),
    pytest.param("node_exporter", {}, id="node_exporter"),
    pytest.param(
        "node_exporter",
        {
            "node_exporter_collectors": ["systemd"],
            "node_exporter_textfile_directory": "/var/lib/metrics",
            "node_exporter_priority_class": "",
            "node_exporter_extra_args": ["--log.level=debug"],
        },
        id="node_exporter-choices",
    ),
    pytest.param("kube_state_metrics", {}, id="kube_state_metrics"),
    pytest.param(
        "kube_state_metrics",
        {
            "kube_state_metrics_namespaces": ["models"],
            "kube_state_metrics_labels_allowed": ["nodes=[nvidia.com/gpu.product]"],
            "kube_state_metrics_metrics_denied": ["kube_secret_.*"],
            "kube_state_metrics_priority_class": "high",
            "kube_state_metrics_extra_args": ["--v=2"],
        },
        id="kube_state_metrics-choices",
    ),
    pytest.param("dcgm_exporter", {}, id="dcgm_exporter"),
    pytest.param(
        "dcgm_exporter",
        {
            "dcgm_exporter_pod_labels": ["app", "team"],
            "dcgm_exporter_profiling": False,
            "dcgm_exporter_runtime_class": "",
            "dcgm_exporter_priority_class": "",
            "dcgm_exporter_host_engine": "localhost:5555",
            "dcgm_exporter_extra_args": ["--enable-dcgm-log"],
            "dcgm_exporter_web": {
                "secret": "gpu-web",
                "tls": True,
                "ca": {"name": "gpu-ca", "key": "ca.crt"},
                "basic_auth": {"name": "gpu-login"},
            },
        },
        id="dcgm_exporter-choices",
    ),
    pytest.param(
        "dcgm_exporter",
        {"dcgm_exporter_mode": "external", "dcgm_exporter_external": {"labels": {"app": "nvidia-dcgm-exporter"}}},
        id="dcgm_exporter-external",
    ),
    pytest.param(
        "dcgm_exporter",
        {
            "dcgm_exporter_mode": "host",
            "inventory_hostname": "cluster-a",
            "groups": {"gpu_nodes": ["gpu-1", "gpu-2"]},
            "hostvars": {
                "gpu-1": {"inventory_hostname": "gpu-1", "ansible_host": "192.0.2.1", "platform_node_name": "n1"},
                "gpu-2": {"inventory_hostname": "gpu-2"},
            },
            "dcgm_exporter_web": {"tls": True, "basic_auth": {"name": "gpu-login"}},
        },
        id="dcgm_exporter-host",
    ),
    pytest.param("nvidia_container_toolkit", {}, id="nvidia_container_toolkit"),
    pytest.param(
        "nvidia_container_toolkit",
        {
            "nvidia_container_toolkit_device_plugin": True,
            "nvidia_container_toolkit_device_plugin_options": {
                "mig_strategy": "mixed",
                "replicas": {"nvidia.com/gpu": 4},
                "list_strategy": "envvar",
            },
        },
        id="nvidia_container_toolkit-choices",
    ),
    *(
        pytest.param(role, {f"{role}_existing": "use", "__platform_survey": {"use": {role: FOUND}}}, id=f"{role}-use")
        for role in ("prometheus_operator", "node_exporter", "kube_state_metrics")
    ),
]

WITHOUT_RULES = {"nvidia_container_toolkit"}
"""Roles that have neither rules nor monitors."""


def runs_pods(role: str, variables: dict[str, object]) -> bool:
    """Whether these choices make a role run anything in the cluster."""
    if role == "dcgm_exporter":
        return variables.get("dcgm_exporter_mode", "cluster") == "cluster"
    if role == "nvidia_container_toolkit":
        return bool(variables.get("nvidia_container_toolkit_device_plugin"))
    return variables.get(f"{role}_existing") != "use"
