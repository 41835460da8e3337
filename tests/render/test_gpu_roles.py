# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the device plugin and dcgm-exporter need of a node, and what they may do there."""

from __future__ import annotations

import json

import pytest
from rules.rendering import template_text

PLUGIN = {"nvidia_container_toolkit_device_plugin": True}


def pod(found, name):
    return found["DaemonSet", name]["spec"]["template"]["spec"]


def mounts(spec):
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    (container,) = spec["containers"]
    return {mount["mountPath"]: (volumes[mount["name"]], mount) for mount in container["volumeMounts"]}


def test_the_device_plugin_sees_the_host_s_driver_where_it_looks_for_it(objects):
    # Without it, it ends where it should write CDI specifications, which is the default.
    volume, mount = mounts(pod(objects("nvidia_container_toolkit", **PLUGIN), "nvidia-device-plugin"))["/driver-root"]
    assert volume["hostPath"]["path"] == "/"
    assert mount["readOnly"] is True


@pytest.mark.parametrize(("profiling", "added"), [(True, ["SYS_ADMIN"]), (False, None)])
def test_the_exporter_may_do_more_only_for_profiling(objects, profiling, added):
    (container,) = pod(objects("dcgm_exporter", dcgm_exporter_profiling=profiling), "dcgm-exporter")["containers"]
    capabilities = container["securityContext"]["capabilities"]
    assert (capabilities["drop"], capabilities.get("add")) == (["ALL"], added)


def test_other_counters_are_other_pods(objects):
    def annotation(**variables):
        daemon = objects("dcgm_exporter", **variables)["DaemonSet", "dcgm-exporter"]
        return daemon["spec"]["template"]["metadata"]["annotations"]

    more = [{"field": "DCGM_FI_DEV_FAN_SPEED", "type": "gauge", "help": "Fan"}]
    assert annotation() == annotation()
    assert annotation() != annotation(dcgm_exporter_extra_counters=more)


def test_the_exporter_s_monitor_finds_its_service_and_keeps_the_workload_s_labels(objects):
    found = objects("dcgm_exporter")
    monitor, service = found["ServiceMonitor", "gpu-exporter"]["spec"], found["Service", "dcgm-exporter"]
    assert service["metadata"]["namespace"] in monitor["namespaceSelector"]["matchNames"]
    assert service["metadata"]["labels"].items() >= monitor["selector"]["matchLabels"].items()
    (endpoint,) = monitor["endpoints"]
    assert endpoint["honorLabels"] is True
    dropped = [rule["regex"] for rule in endpoint["relabelings"] if rule.get("action") == "labeldrop"]
    assert dropped == ["(pod|namespace|container|service|endpoint)"], "an exporter is no workload"
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    labels = found["DaemonSet", "dcgm-exporter"]["spec"]["template"]["metadata"]["labels"]
    assert labels.items() >= service["spec"]["selector"].items()


def test_the_exporter_may_read_pods_only_for_their_labels(objects):
    assert not [kind for kind, _name in objects("dcgm_exporter") if kind.startswith("ClusterRole")]
    assert ("ClusterRole", "dcgm-exporter-read-pods") in objects("dcgm_exporter", dcgm_exporter_pod_labels=["app"])


@pytest.mark.parametrize(
    ("options", "checked"),
    [
        ({}, {"GPUs of n1": 'kube_node_status_allocatable{resource="nvidia_com_gpu", node="n1"} >= 8'}),
        ({"mig_strategy": "mixed"}, {}),
        ({"replicas": {"nvidia.com/gpu": 4}}, {}),
    ],
)
def test_nodes_must_offer_the_gpus_of_the_inventory_unless_they_are_cut_up(options, checked):
    hosts = {
        "gpu-1": {"inventory_hostname": "gpu-1", "platform_node_name": "n1", "nvidia_driver_expected_gpus": 8},
        "gpu-2": {"inventory_hostname": "gpu-2"},
        "gpu-3": {
            "inventory_hostname": "gpu-3",
            "platform_cluster_host": "elsewhere",
            "nvidia_driver_expected_gpus": 4,
        },
    }
    variables = {
        "inventory_hostname": "test",
        "groups": {"gpu_nodes": list(hosts)},
        "hostvars": hosts,
        "nvidia_container_toolkit_device_plugin_options": options,
    }
    text = "{{ __nvidia_container_toolkit_series | to_json }}"
    series = json.loads(template_text("nvidia_container_toolkit", text, variables))
    assert series.pop("GPUs offered to pods") == 'kube_node_status_allocatable{resource=~"nvidia_com_.+"} > 0'
    assert series == checked


def test_a_certificate_is_checked_against_a_name_where_pods_are_reached_by_address(objects):
    web = {"secret": "web", "tls": True, "ca": {"name": "gpu-ca", "key": "ca.crt"}}

    def tls(**variables):
        monitor = objects("dcgm_exporter", **variables)["ServiceMonitor", "gpu-exporter"]
        return monitor["spec"]["endpoints"][0]["tlsConfig"]

    ca = {"secret": {"name": "gpu-ca", "key": "ca.crt"}}
    assert tls(dcgm_exporter_web=web) == {"ca": ca, "serverName": "dcgm-exporter.monitoring-agents.svc"}
    assert tls(dcgm_exporter_web={**web, "server_name": "gpus.example"}) == {"ca": ca, "serverName": "gpus.example"}
    assert tls(dcgm_exporter_web=web, dcgm_exporter_mode="external") == {"ca": ca}
