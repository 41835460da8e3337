# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role renders: scripts arrive unharmed, pods are locked down, a changed script rolls its pod."""

from __future__ import annotations

import pytest
from rules.rendering import ROLES, render

FILES = ROLES / "lab_workload" / "files"


def objects(kind, **variables):
    found = render("lab_workload", "workload.yaml.j2", variables)
    return {item["metadata"]["name"]: item for item in found if item["kind"] == kind}


def test_scripts_arrive_byte_for_byte():
    for found in objects("ConfigMap").values():
        assert "labhttp.py" in found["data"]
        for name, text in found["data"].items():
            assert text == (FILES / name).read_text()
            compile(text, name, "exec")


def test_every_script_runs_somewhere():
    mounted = {name for found in objects("ConfigMap").values() for name in found["data"]}
    assert mounted == {path.name for path in FILES.glob("*.py")}


@pytest.mark.parametrize("name", sorted(objects("Deployment")))
def test_pods_meet_the_restricted_level_of_their_namespace(name):
    pod = objects("Deployment")[name]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"readinessProbe", "livenessProbe", "resources"} <= set(container)


def test_services_find_their_pods_by_port_and_label():
    deployments = objects("Deployment")
    services = objects("Service")
    assert set(services) == set(deployments)
    for name, service in services.items():
        template = deployments[name]["spec"]["template"]
        assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_stand_ins_are_named_so_and_can_be_left_out():
    standins = {
        name
        for name, item in objects("Deployment").items()
        if "gpu-observability.openhands.dev/stand-in" in item["metadata"]["labels"]
    }
    assert standins == {"ollama-standin"}
    assert standins.isdisjoint(objects("Deployment", lab_workload_standins=False))


def test_a_gpu_is_asked_for_only_where_there_are_some():
    def limits(**variables):
        pod = objects("Deployment", **variables)["ollama-standin"]["spec"]["template"]["spec"]
        return pod["containers"][0]["resources"]["limits"]

    assert "nvidia.com/gpu" not in limits()
    assert limits(lab_workload_gpus=1)["nvidia.com/gpu"] == 1


@pytest.mark.parametrize(
    ("service", "monitor"),
    [
        ("model-server", "model-server"),
        ("ollama-standin", "ollama-fleet"),
    ],
)
def test_a_monitor_selects_the_service(service, monitor):
    found = render("model_monitoring", f"{monitor}.yaml.j2", {})[0]["spec"]
    labels = objects("Service")[service]["metadata"]["labels"]
    assert found["selector"]["matchLabels"].items() <= labels.items()
    assert {endpoint["port"] for endpoint in found["endpoints"]} == {"metrics"}
