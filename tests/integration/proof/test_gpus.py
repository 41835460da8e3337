# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exporter's DaemonSet and the device plugin on a real kubelet: only the programs in their images are stand-ins."""

from __future__ import annotations

import base64
import datetime as dt
import time

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import ask_any
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _pki
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

AGENTS, NODE = "monitoring-agents", "/api/v1/nodes/lab"
MERGE = "application/merge-patch+json"
NAME = f"dcgm-exporter.{AGENTS}.svc"
# "sesame", as htpasswd -B writes it but for the few rounds.
LOGIN = "$2y$04$ZHvER1fhCED0YGX6.TC.d.0j4nop.rX3UL1px/CrEb1R8uZUptk0C"
WEB = f"tls_server_config: {{cert_file: tls.crt, key_file: tls.key}}\nbasic_auth_users: {{prometheus: {LOGIN}}}\n"


def query(stack, expression):
    """Series of an instant query on one replica."""
    path = "/api/v1/query?query=" + expression.replace("{", "%7B").replace("}", "%7D").replace('"', "%22")
    answer = ask_any(stack, Place("monitoring", "web", service="prometheus"), Request("GET", path)).json()
    return [series["metric"] for series in answer["data"]["result"] if series["value"][1] != "0"]


def until(found, seconds, what):
    """Wait until something is found, and return it."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.5)
    return value


def pods(stack, name):
    """Names of a DaemonSet's pods that aren't going."""
    items = stack.client.get(f"/api/v1/namespaces/{AGENTS}/pods", {"labelSelector": f"app.kubernetes.io/name={name}"})
    return [pod["metadata"]["name"] for pod in items["items"] if "deletionTimestamp" not in pod["metadata"]]


def counters(stack):
    """Fields of the counters file that the exporter was given."""
    text = stack.client.get(f"/api/v1/namespaces/{AGENTS}/configmaps/dcgm-exporter-counters")["data"]["counters.csv"]
    rows = [line.split(",") for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {row[0] for row in rows if row[1].strip() != "label"}


@pytest.fixture
def role(stack, tasks):
    """Roll out or verify the exporter alone, with other settings."""

    written = []

    def run(part="main", **variables):
        written.extend([part] if part == "main" else [])
        todo = {
            "ansible.builtin.include_role": {
                "name": "openhands.gpu_observability.dcgm_exporter",
                "tasks_from": part,
            },
            "vars": {"platform_apply": False, **variables},
        }
        started = tasks(todo)
        output, _nothing = started.communicate(timeout=180)
        return started.returncode, output

    yield run
    if written:
        code, output = run()
        assert code == 0, output


def test_the_kubelet_says_who_holds_which_gpu_and_prometheus_has_it(stack):
    assert stack.client.get(NODE)["status"]["allocatable"]["nvidia.com/gpu"] == "2"
    series = until(lambda: query(stack, "DCGM_FI_DEV_FB_USED"), 30, "a GPU that is held")
    (held,) = series
    assert (held["node"], held["namespace"], held["container"]) == ("lab", "models", "ollama-standin")
    assert held["pod"].startswith("ollama-standin-")
    assert held["app"] == "ollama-server", "a label of the pod, read with the exporter's own account"
    path = "/api/v1/label/__name__/values?match[]=%7Bjob%3D%22dcgm-exporter%22%7D"
    names = ask_any(stack, Place("monitoring", "web", service="prometheus"), Request("GET", path)).json()["data"]
    served = counters(stack) & set(names)
    assert {"DCGM_EXP_XID_ERRORS_COUNT", "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_DEV_GPU_UTIL"} <= served
    assert {name for name in names if name.startswith("DCGM_")} <= counters(stack)


def test_a_fault_that_the_exporter_tells_is_an_alert_until_it_is_gone(stack):
    def tell(values):
        place = Place(AGENTS, "metrics", service="dcgm-exporter")
        return ask_any(stack, place, Request("PUT", "/settings", body=b'{"values": {"0": %s}}' % values)).status

    alert = 'ALERTS{alertname="GPURowRemapPending"}'
    assert not query(stack, alert)
    assert tell(b'{"DCGM_FI_DEV_ROW_REMAP_PENDING": 1}') == 200
    try:
        (found,) = until(lambda: query(stack, alert), 60, "GPURowRemapPending")
        assert (found["gpu"], found["node"]) == ("0", "lab")
    finally:
        assert tell(b"{}") == 200
    until(lambda: not query(stack, alert), 60, "the end of GPURowRemapPending")


def test_what_holds_gpus_leaves_a_node_in_maintenance_and_comes_back(stack):
    def label(value):
        body = {"metadata": {"labels": {"gpu-observability.openhands.dev/gpu-clients": value}}}
        stack.client.send("PATCH", NODE, body, None, MERGE)

    names = ("dcgm-exporter", "nvidia-device-plugin")
    assert all(pods(stack, name) for name in names)
    label("paused")
    try:
        until(lambda: not any(pods(stack, name) for name in names), 60, "pods that leave")
    finally:
        label(None)
    until(lambda: all(pods(stack, name) for name in names), 60, "pods that come back")


def test_a_daemonset_that_finds_no_node_is_told(stack, role):
    known = {"nodes": ["lab"], "perhaps": []}
    code, output = role("verify", dcgm_exporter_node_selector={"no.such/label": "x"}, __platform_gpu_nodes=known)
    assert code == 0, "the report fails a run, not the evidence"
    assert "dcgm-exporter doesn't run on every GPU host of the inventory: node lab lacks the label no.such" in output


def test_a_counters_file_with_an_unknown_field_is_named_as_the_cause(stack, role):
    extra = [{"field": "DCGM_FI_DEV_NO_SUCH", "type": "gauge", "help": "none"}]
    code, output = role(dcgm_exporter_extra_counters=extra, platform_wait_timeout=25)
    assert code != 0
    assert "there is no field DCGM_FI_DEV_NO_SUCH" in output


@pytest.fixture
def web(stack):
    """The Secrets that the option dcgm_exporter_web names."""
    now = dt.datetime.now(dt.UTC)
    authority = _pki.new_authority("gpus", now)
    leaf = _pki.new_leaf(_pki.Wanted("exporter", "exporter", hosts=(NAME,)), authority, now)
    made = {
        (AGENTS, "gpu-web"): {
            "web-config.yml": WEB.encode(),
            "tls.crt": leaf.certificate_pem(),
            "tls.key": leaf.key_pem(),
        },
        ("monitoring", "gpu-ca"): {"ca.crt": authority.certificate_pem()},
        ("monitoring", "gpu-login"): {"username": b"prometheus", "password": b"sesame"},
    }
    for (namespace, name), data in made.items():
        path = f"/api/v1/namespaces/{namespace}/secrets"
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        remove(stack, f"{path}/{name}")
        stack.client.send("POST", path, {"metadata": {"name": name}, "data": encoded})
    yield {
        "secret": "gpu-web",
        "tls": True,
        "ca": {"name": "gpu-ca", "key": "ca.crt"},
        "basic_auth": {"name": "gpu-login"},
    }
    for namespace, name in made:
        remove(stack, f"/api/v1/namespaces/{namespace}/secrets/{name}")


def remove(stack, path):
    try:
        stack.client.send("DELETE", path)
    except ApiError as error:
        if classify(error) is not Answer.NOT_FOUND:
            raise


def test_other_counters_roll_the_pods_and_tls_and_a_login_are_kept_to(stack, web, role):
    before = pods(stack, "dcgm-exporter")
    code, output = role(dcgm_exporter_web=web, dcgm_exporter_profiling=False)
    assert code == 0, output
    after = pods(stack, "dcgm-exporter")
    assert len(after) == 1
    assert after != before
    assert "DCGM_FI_PROF_GR_ENGINE_ACTIVE" not in counters(stack)
    address = stack.client.get(f"/api/v1/namespaces/{AGENTS}/pods/{after[0]}")["status"]["podIP"]
    fresh = f'up{{job="dcgm-exporter",instance=~"{address}:.*"}}'
    until(lambda: query(stack, fresh), 90, f"{after[0]} scraped")
    path = "/api/v1/targets?state=active&scrapePool=serviceMonitor/monitoring/gpu-exporter/0"
    answer = ask_any(stack, Place("monitoring", "web", service="prometheus"), Request("GET", path)).json()
    urls = [target["scrapeUrl"] for target in answer["data"]["activeTargets"] if target["health"] == "up"]
    assert [url.partition(":")[0] for url in urls] == ["https"]
