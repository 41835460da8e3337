# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""verify.yml on the lab: what it says when all is well, when something is not, and when it is interrupted."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import ask_any
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place

from .conftest import ROOT

COMPONENTS = [
    "platform",
    "prometheus_operator",
    "prometheus",
    "alertmanager",
    "node_exporter",
    "nvidia_container_toolkit",
    "dcgm_exporter",
    "model_monitoring",
    "lab_workload",
]
HOPS = ["pending", "firing", "alertmanager", "delivered", "inactive", "resolved"]


def error_rate(stack):
    settings = ask_any(stack, Place("models", "http", service="load-generator"), Request("GET", "/settings"))
    return settings.json()["error_rate"]


def test_the_signals_flow_and_the_alert_arrives_and_ends(stack, play, tmp_path):
    path = tmp_path / "made" / "report.json"
    run = play("verify.yml", platform_report_path=str(path))
    assert run.code == 0, run.text
    assert "changed=0" in run.text
    report = json.loads(path.read_text())
    assert (report["schema_version"], report["cluster"], report["ok"]) == (1, "lab", True)
    assert report["kubernetes_version"].startswith("v1.")
    assert report["collection_version"] == yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert [record["component"] for record in report["components"]] == COMPONENTS
    for record in report["components"]:
        assert record["verdict"] == "current"
        assert record["checks"]
        assert all(check["ok"] for check in record["checks"])
    (proof,) = report["proofs"]
    assert (proof["alertname"], proof["ok"], proof["restored"]) == ("HighErrorRate", True, True)
    assert [hop["name"] for hop in proof["hops"]] == HOPS
    moments = [hop["at"] for hop in proof["hops"]]
    assert moments == sorted(moments)
    assert error_rate(stack) == 0


def test_one_component_that_fails_stops_no_other_and_fails_the_run(stack, play, tmp_path):
    path = tmp_path / "report.json"
    run = play(
        "verify.yml",
        platform_report_path=str(path),
        platform_alert_proof={},
        platform_verify_timeout=0,
        prometheus_version="0.0.1",
    )
    assert run.code != 0
    report = json.loads(path.read_text())
    assert not report["ok"]
    assert report["proofs"] == []
    verdicts = {record["component"]: record["verdict"] for record in report["components"]}
    assert list(verdicts) == COMPONENTS
    assert verdicts.pop("prometheus") == "failed"
    assert set(verdicts.values()) == {"current"}
    assert "Not proven on lab: prometheus. The table above says why." in run.text
    assert "    version: 3." in run.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_proof_sets_the_workload_back(stack, tasks, number):
    proof = yaml.safe_load((ROOT / "inventories/lab/group_vars/all/proof.yml").read_text())["platform_alert_proof"]
    started = tasks({"name": "Prove", "openhands.gpu_observability.alert_proof": proof})
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(iter(started.stdout.readline, "")), daemon=True)
    reader.start()
    wait_for(lambda: error_rate(stack) > 0, 150, lines)
    os.kill(started.pid, number)
    assert started.wait(30) != 0
    wait_for(lambda: error_rate(stack) == 0, 15, lines)


def test_a_hop_that_is_never_reached_is_named_and_the_workload_set_back(stack, tasks):
    proof = yaml.safe_load((ROOT / "inventories/lab/group_vars/all/proof.yml").read_text())["platform_alert_proof"]
    proof.update(labels={"namespace": "nowhere"}, timeout=3)
    started = tasks({"name": "Prove", "openhands.gpu_observability.alert_proof": proof})
    output, _nothing = started.communicate(timeout=60)
    assert started.returncode != 0
    assert "HighErrorRate was not pending in Prometheus within 3 s" in output
    assert "Look at the alert's expression" in output
    assert error_rate(stack) == 0


def wait_for(condition, seconds, lines):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "".join(lines)
        time.sleep(0.5)
