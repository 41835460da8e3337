# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person mistypes is answered by a sentence that names it, and changes nothing on the cluster."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playbook_case import ROOT, Playbook, reader_kubeconfig, snapshot

NODES_ONLY = ["prometheus_operator", "node_exporter"]

BROKEN_RULE = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PrometheusRule",
    "metadata": {"name": "broken"},
    "spec": {"groups": [{"name": "broken", "rules": [{"alert": "NeverParsed", "expr": "sum(rate("}]}]},
}

REFUSED = {
    "misspelt variable": ({"prometheus_retension": "10d"}, ["prometheus_retension", "prometheus_retention"]),
    "wrong type": ({"prometheus_replicas": "two"}, ["prometheus_replicas", "int"]),
    "wrong choice": ({"prometheus_existing": "take"}, ["prometheus_existing", "take", "stop, adopt or use"]),
    "invalid rule": ({"model_monitoring_extra_manifests": [BROKEN_RULE]}, ["NeverParsed", "broken"]),
    "missing storage class": ({"platform_storage_class": "nowhere"}, ["StorageClass", "nowhere", "local-path"]),
    "placeholder credential": (
        {"alertmanager_slack_url": "https://hooks.slack.com/services/YOUR/SLACK/WEBHOOK"},
        ["alertmanager_slack_url", "placeholder"],
    ),
    "missing kubeconfig": ({"platform_kubeconfig": "/nonexistent/kubeconfig"}, ["/nonexistent/kubeconfig"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_named_and_changes_nothing(name: str, playbook: Playbook, lab_api: Any) -> None:
    variables, expected = REFUSED[name]
    before = snapshot(lab_api)

    run = playbook.run(variables, "site")

    assert run.returncode != 0, run.output
    missing = [word for word in expected if word not in run.output]
    assert not missing, f"{missing} not in:\n{run.output[-4000:]}"
    assert "Traceback" not in run.output
    assert snapshot(lab_api) == before


def test_unreachable_api_names_the_server(playbook: Playbook, lab_api: Any, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "unreachable"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'https://127.0.0.1:9'}}]\n"
        "users: [{name: a, user: {token: canary-token-never-printed}}]\n",
        encoding="utf-8",
    )

    run = playbook.run({"platform_kubeconfig": str(kubeconfig)}, "site")

    assert run.returncode != 0
    assert "127.0.0.1:9" in run.output
    assert "canary-token-never-printed" not in run.output
    assert "Traceback" not in run.output


def test_malformed_template_names_file_and_line(tmp_path: Path, lab_api: Any) -> None:
    checkout = tmp_path / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name)
    link = checkout / ".collections/ansible_collections/openhands/gpu_observability"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../..")
    template = next((checkout / "roles/prometheus/templates").glob("prometheus.yaml.j2"))
    template.write_text(template.read_text(encoding="utf-8") + "\n{% if unfinished %}\n", encoding="utf-8")
    before = snapshot(lab_api)

    run = Playbook(checkout, tmp_path).run({}, "site")

    assert run.returncode != 0
    assert "prometheus.yaml.j2" in run.output
    assert snapshot(lab_api) == before


def test_lack_of_rights_is_named_and_changes_nothing(playbook: Playbook, lab_api: Any, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "reader"
    kubeconfig.write_text(reader_kubeconfig(lab_api), encoding="utf-8")
    before = snapshot(lab_api)

    run = playbook.run({"platform_kubeconfig": str(kubeconfig)}, "site")

    assert run.returncode != 0
    assert "system:serviceaccount:default:default" in run.output
    assert "cannot" in run.output
    assert "Traceback" not in run.output
    assert snapshot(lab_api) == before


def test_missing_image_is_explained_at_once_and_a_rerun_mends_it(playbook: Playbook, lab_api: Any) -> None:
    run = playbook.run({"node_exporter_image": "lab.local/never-built:v0", "platform_components": NODES_ONLY})

    assert run.returncode != 0
    assert "lab.local/never-built:v0" in run.output
    assert "node-exporter" in run.output

    mended = playbook.run({"platform_components": NODES_ONLY})
    assert mended.returncode == 0, mended.output[-4000:]


def test_an_interrupted_run_says_so_and_a_rerun_completes(playbook: Playbook, lab_api: Any) -> None:
    # A new label on every object gives the run something to write in each role.
    changed = {"platform_labels": {"example.com/interrupted": "yes"}}

    run = playbook.interrupt(changed, when="prometheus_operator: configured")

    assert run.returncode != 0
    assert "Traceback" not in run.output, run.output[-4000:]
    completed = playbook.run(changed)
    assert completed.returncode == 0, completed.output[-4000:]
    restored = playbook.run({})
    assert restored.returncode == 0, restored.output[-4000:]
    again = playbook.run({})
    assert "changed=0" in again.output, again.output[-4000:]
