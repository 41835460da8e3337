# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole site as files: applied by kubectl they are what the playbooks would have applied."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from integration.check_mode.conftest import ROOT

RECAP = re.compile(r"^lab\s+: ok=\d+\s+changed=(?P<changed>\d+)\s+unreachable=0\s+failed=0", re.MULTILINE)
CANARY = "canary-slack-8b1f"
NOWHERE = "https://127.0.0.1:9/"
COMPONENTS = ["-e", '{"platform_components": ["prometheus_operator", "alertmanager", "model_monitoring"]}']


def play(playbook: str, folder: Path, *more: str) -> tuple[int, str]:
    """Run a playbook of the lab's inventory; return (changed, output)."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventories/lab", str(ROOT / playbook)]
    # Its tools are the lab's, which need not be up.
    tools = ["-e", "platform_promtool=", "-e", "platform_amtool="]
    command += ["-e", f"platform_upstream_base=file://{folder}", *tools, *COMPONENTS, *more]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240)
    output = done.stdout + done.stderr
    found = RECAP.search(output)
    assert found, output[-6000:]
    assert done.returncode == 0, output[-6000:]
    return int(found["changed"]), output


def render(folder: Path, to: Path, *more: str) -> tuple[int, str]:
    """Render the lab's site, with a cluster named that isn't there: nobody is to be asked."""
    credentials = ["-e", "alertmanager_slack_channel=#a", "-e", f"alertmanager_slack_url=https://example.org/{CANARY}"]
    offline = ["-e", f'{{"platform_kubeconfig": "", "platform_connection": {{"host": "{NOWHERE}"}}}}']
    return play("playbooks/render.yml", folder, "-e", f"platform_render_to={to}", *credentials, *offline, *more)


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in found}


def test_a_site_is_rendered_without_a_cluster_and_again_without_a_change(upstream_folder, tmp_path):
    first, output = render(upstream_folder, tmp_path / "site")
    files = contents(tmp_path / "site")
    assert first > 0
    assert any(name.endswith("08-alertmanager.monitoring.coreos.com_monitoring_main.yaml") for name in files)
    assert CANARY not in output
    assert not [name for name, text in files.items() if CANARY in text]
    assert [name for name in files if name.endswith(".yaml.hidden")]
    assert render(upstream_folder, tmp_path / "site")[0] == 0
    assert contents(tmp_path / "site") == files


def test_applied_by_kubectl_it_is_what_the_playbooks_want(upstream_folder, empty_server, tmp_path):
    beside = Path(empty_server.command[0]).with_name("kubectl")
    program = str(beside) if beside.exists() else shutil.which("kubectl")
    if program is None:
        pytest.skip("needs kubectl beside the kube-apiserver or on PATH")
    render(upstream_folder, tmp_path, "-e", "platform_render_secrets=true")
    kubectl = [program, f"--kubeconfig={empty_server.kubeconfig}"]
    foundation = sorted(tmp_path.rglob("00-*.yaml"))
    rest = sorted((path for path in tmp_path.rglob("*.yaml") if path not in foundation), key=lambda path: path.name)
    assert len(foundation) > 5
    for group in (foundation, rest):
        named = [part for path in group for part in ("-f", str(path))]
        ours = ["apply", "--server-side", "--field-manager=openhands-gpu-observability", *named]
        done = subprocess.run([*kubectl, *ours], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        if group is foundation:
            established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]
            subprocess.run([*kubectl, *established], capture_output=True, check=True, timeout=60)
    storage = {"metadata": {"name": "local-path"}, "provisioner": "example.org/none"}
    empty_server.request("POST", "/apis/storage.k8s.io/v1/storageclasses", storage)
    credentials = ["-e", "alertmanager_slack_channel=#a", "-e", f"alertmanager_slack_url=https://example.org/{CANARY}"]
    changed, output = play(
        "playbooks/monitoring.yml",
        upstream_folder,
        "--check",
        "--diff",
        "-e",
        f"platform_kubeconfig={empty_server.kubeconfig}",
        *credentials,
    )
    assert changed == 0, output[-6000:]
