# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole site in check mode on a cluster that has nothing yet, and the run that follows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from integration.check_mode.conftest import ROOT

AFTER = re.compile(r"^\+\+\+ after: (?P<identity>\S+ \S+ \S+)$", re.MULTILINE)
RECAP = re.compile(r"^lab\s+: ok=\d+\s+changed=(?P<changed>\d+)\s+unreachable=0\s+failed=0", re.MULTILINE)


def play(playbook: Path, server, *more: str) -> str:
    """Run a playbook of the lab's inventory against the server, and return all that it printed."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventories/lab", str(playbook), *more]
    command += ["-e", f"platform_kubeconfig={server.kubeconfig}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-6000:]
    assert RECAP.search(output), output[-2000:]
    return output


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """playbooks/monitoring.yml, but it doesn't wait: there is no kubelet that could make anything current."""
    plays = yaml.safe_load((ROOT / "playbooks" / "monitoring.yml").read_text(encoding="utf-8"))
    plays[0]["module_defaults"]["openhands.gpu_observability.rollout"]["wait"] = False
    path = tmp_path_factory.mktemp("play") / "monitoring.yml"
    path.write_text(yaml.safe_dump(plays), encoding="utf-8")
    return path


def test_a_site_is_predicted_on_an_empty_cluster_and_the_run_changes_just_that(
    empty_server, upstream_folder, impatient
):
    base = ["-e", f"platform_upstream_base=file://{upstream_folder}"]
    output = play(ROOT / "site.yml", empty_server, "--check", "--diff", *base)
    predicted = AFTER.findall(output)
    assert len(predicted) == len(set(predicted)) > 50
    assert "monitoring.coreos.com/v1 Prometheus monitoring/prometheus" in predicted
    assert "Say what check mode leaves out" in output
    assert [entry["metadata"]["name"] for entry in namespaces(empty_server) if "monitoring" in str(entry)] == []

    storage = {"metadata": {"name": "local-path"}, "provisioner": "example.org/none"}
    empty_server.request("POST", "/apis/storage.k8s.io/v1/storageclasses", storage)
    written = AFTER.findall(play(impatient, empty_server, "--diff", *base))
    assert sorted(written) == sorted(predicted)
    assert "monitoring" in [entry["metadata"]["name"] for entry in namespaces(empty_server)]


def namespaces(server) -> list[dict[str, dict[str, str]]]:
    return server.request("GET", "/api/v1/namespaces")["items"]
