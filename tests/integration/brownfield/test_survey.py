# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster has already is found on a real server, listed, and stops a site before it writes anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey import survey
from brownfield_layout import (
    admission,
    cert_manager,
    definition,
    free,
    gpu_operator,
    helm,
    kube_state_metrics,
    node_exporter,
    operator,
)
from integration.brownfield.conftest import Site

ROOT = Path(__file__).resolve().parents[3]
GROUP = "monitoring.coreos.com"
KINDS = ("Alertmanager", "PodMonitor", "Prometheus", "PrometheusRule", "ServiceMonitor")
COMPONENTS = [
    {"name": "prometheus_operator", "namespaces": ["monitoring"]},
    {"name": "node_exporter", "host_ports": [9100]},
    {"name": "kube_state_metrics"},
]


@pytest.fixture(scope="module")
def brownfield(server):
    """kube-prometheus-stack, GPU Operator and cert-manager, as their charts leave them."""
    site = Site(server)
    for name in ("watching", "nvidia", "cert-manager"):
        site.namespace(name)
    release = helm("kps", "watching", "crds-0.0.0", "crds")
    site.install(*(free(definition(GROUP, kind, release)) for kind in KINDS), definition("nvidia.com", "ClusterPolicy"))
    site.install(operator("watching"), node_exporter("watching"), kube_state_metrics("watching"), ready=True)
    site.install(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "kube-state-metrics", **helm("ksm", "watching", "kube-state-metrics-5.25.1", "x")},
        }
    )
    site.install(*gpu_operator("nvidia"), *cert_manager("cert-manager"), admission("kps-admission", GROUP))
    return site


def look(server, **existing):
    components = [{**entry, "existing": existing.get(entry["name"], "stop")} for entry in COMPONENTS]
    places = {"namespace": "monitoring", "agents_namespace": "monitoring-agents"}
    return survey.run({"components": components, **places, "kubeconfig": str(server.kubeconfig)}, {})


def test_everything_is_found_with_its_owner(brownfield, server):
    with pytest.raises(RolloutError) as caught:
        look(server)
    found = {(e["product"], e["kind"], e["owner"].partition(" (")[0]) for e in caught.value.result["found"]}
    assert found == {
        ("Prometheus Operator", "CustomResourceDefinition", "Helm release watching/kps"),
        ("Prometheus Operator", "Deployment", "Helm release watching/kps"),
        ("Prometheus Operator", "ValidatingWebhookConfiguration", "Helm release watching/kps"),
        ("node_exporter", "DaemonSet", "Helm release watching/kps"),
        ("kube-state-metrics", "Deployment", "Helm release watching/kps"),
        ("the name of ours", "ClusterRole", "Helm release watching/ksm"),
        ("GPU Operator", "CustomResourceDefinition", "Helm"),
        ("GPU Operator", "Deployment", "Helm release nvidia/gpu-operator"),
        ("dcgm-exporter", "DaemonSet", "the controller of ClusterPolicy cluster-policy"),
        ("cert-manager", "Deployment", "Helm release cert-manager/cert-manager"),
    }
    assert caught.value.message.startswith("4 things are in the way. Nothing was written.")


def test_the_existing_ones_can_be_used(brownfield, server):
    result = look(server, prometheus_operator="use", node_exporter="use", kube_state_metrics="use")
    assert {name: use["namespace"] for name, use in result["use"].items()} == {
        "prometheus_operator": "watching",
        "node_exporter": "watching",
        "kube_state_metrics": "watching",
    }


def test_who_may_see_little_is_told_so(brownfield, server, tmp_path):
    login = tmp_path / "nobody"
    login.write_text(yaml.safe_dump(server.config_for({"token": "nobody-token-for-tests"})))
    result = survey.run({"components": COMPONENTS, "kubeconfig": str(login)}, {})
    assert "apps/v1 Deployment: not allowed to look" in result["unread"]


class Run:
    """A playbook run against the server, as a person does it."""

    def __init__(self, server, folder):
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        variables = {**host, "platform_cluster": "brown", "platform_kubeconfig": str(server.kubeconfig)}
        self.inventory = folder / "hosts.yml"
        self.inventory.write_text(yaml.safe_dump({"kubernetes_clusters": {"hosts": {"brown": variables}}}))

    def run(self, *options, **variables):
        runner = Path(sys.executable).with_name("ansible-playbook")
        command = [str(runner), "-i", str(self.inventory), "playbooks/monitoring.yml", "-e", json.dumps(variables)]
        done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout + done.stderr


def namespaces(server):
    return {item["metadata"]["name"] for item in server.request("GET", "/api/v1/namespaces")["items"]}


@pytest.mark.usefixtures("brownfield")
def test_a_site_stops_before_it_writes(server, tmp_path):
    before = namespaces(server)

    code, said = Run(server, tmp_path).run()

    assert code != 0
    assert "4 things are in the way. Nothing was written." in said
    assert "Set prometheus_operator_existing (use, adopt), or take it away" in said
    assert "Helm release watching/kps (chart prometheus-node-exporter 4.39.0)" in said
    assert namespaces(server) == before


@pytest.mark.usefixtures("brownfield")
def test_a_site_relies_on_what_is_there(server, tmp_path):
    roles = ["prometheus_operator", "node_exporter", "kube_state_metrics"]
    choices = {f"{role}_existing": "use" for role in roles}

    code, said = Run(server, tmp_path).run("--check", "--diff", platform_components=roles, **choices)

    assert code == 0, said[-4000:]
    assert "node_exporter: 2 objects: 2 to create" in said
    assert "prometheus_operator: 2 objects: 2 to create" in said
    assert "kind: PodMonitor" in said
    assert "kind: DaemonSet" not in said
    assert "kind: CustomResourceDefinition" not in said
