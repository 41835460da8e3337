# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of rollout and rollout_info, run as they stand against a real API server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from integration.engine.apiserver import ApiServer
from module_examples import examples

ROOT = Path(__file__).resolve().parents[3]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openhands-gpu-observability" / "upstream"
UPSTREAM = (ROOT.parent / "shared" / "upstream", CACHE)
PREFIX = "openhands.gpu_observability."
KINDS = (("monitoring.coreos.com", "Alertmanager", "alertmanagers"), ("cert-manager.io", "Certificate", "certificates"))
ALERTMANAGER = "apiVersion: monitoring.coreos.com/v1\nkind: Alertmanager\nmetadata: {name: main}\nspec: {replicas: 1}\n"
ACCOUNT = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s}\n"


def definition(group: str, kind: str, plural: str) -> dict[str, Any]:
    """A definition that takes anything."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


@pytest.fixture
def prepared(server: ApiServer, tmp_path: Path) -> Path:
    """A folder with the role and the files that the examples speak of, and what they expect of a cluster."""
    upstream = next((folder for folder in UPSTREAM if (folder / "prometheus-operator").is_dir()), None)
    if upstream is None:
        pytest.skip("needs upstream definitions in ../shared/upstream or in the cache that the lab fills")
    templates = tmp_path / "roles" / "demo" / "templates"
    templates.mkdir(parents=True)
    (templates / "alertmanager.yaml.j2").write_text(ALERTMANAGER)
    for name in ("rbac.yaml.j2", "rules.angle.yaml.j2"):
        (templates / name).write_text(ACCOUNT % name.partition(".")[0])
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "alertmanager.yml").write_text(ALERTMANAGER + "---\n" + ACCOUNT % "other")
    (tmp_path / "home" / ".kube").mkdir(parents=True)
    (tmp_path / "home" / ".kube" / "config").write_text(server.kubeconfig.read_text())
    (tmp_path / "base").write_text(f"file://{upstream}")
    return tmp_path


def run(folder: Path, tasks: list[dict[str, Any]]) -> str:
    """Run tasks in the role; return what was printed."""
    (folder / "roles" / "demo" / "tasks").mkdir(exist_ok=True)
    (folder / "roles" / "demo" / "tasks" / "main.yml").write_text(yaml.safe_dump(tasks))
    defaults = {PREFIX + "rollout": {"upstream_base": (folder / "base").read_text(), "wait_timeout": 10}}
    play = {"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "roles": ["demo"]}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    environment = {
        **os.environ,
        "HOME": str(folder / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(
        ["ansible-playbook", "play.yml"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-5000:]
    return output


def test_every_example_runs(prepared):
    foundation = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}},
        *(definition(*kind) for kind in KINDS),
    ]
    base = {PREFIX + "rollout": {"component": "base", "manifests": foundation}}
    known = {"component": "alertmanager", "namespace": "monitoring", "manifests": [yaml.safe_load(ALERTMANAGER)]}
    first = {PREFIX + "rollout": {**known, "wait": False}}
    # No operator and no controller are here: what waits for them is planned by the server, and not written.
    rollouts = [{**task, "check_mode": True} for task in examples("rollout")]
    written = [
        {**task, "check_mode": False} for task in rollouts if task[PREFIX + "rollout"].get("state") == "rendered"
    ]
    assert len(written) == 1
    looks = examples("rollout_info")
    output = run(prepared, [base, first, *looks, *rollouts, *written])
    assert (prepared / "rendered" / "gpu-west" / "alertmanager").is_dir()
    assert "alertmanager: 1 objects: 1 to delete" in output
    assert output.count("TASK [") == len(rollouts) + len(written) + len(looks) + 2
