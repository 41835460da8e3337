# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook as a person would, and take a snapshot of what the lab's cluster holds."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
KUBECONFIG = os.environ.get("GPU_OBSERVABILITY_KUBECONFIG", "/var/lib/openhands-gpu-observability-lab/kubeconfig")
COMPONENT_LABEL = "gpu-observability.openhands.dev/component"
# Tests of verdicts run beside others, in namespaces of their own with names that begin so.
TESTS_PREFIX = "verdicts-"


@dataclass
class Finished:
    """How a playbook run ended, with everything it printed."""

    returncode: int
    output: str


class Playbook:
    """Runs playbooks/monitoring.yml against the lab, from any checkout."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self.root = root
        self.scratch = scratch

    def command(self, variables: dict[str, Any], playbook: str) -> list[str]:
        """The command line; variables travel in a file so that they keep their types."""
        extra = self.scratch / "extra_vars.json"
        extra.write_text(json.dumps(variables), encoding="utf-8")
        runner = Path(sys.executable).with_name("ansible-playbook")
        return [str(runner), "-i", "inventories/lab", f"playbooks/{playbook}.yml", "-e", f"@{extra}"]

    def start(self, variables: dict[str, Any], playbook: str = "monitoring") -> subprocess.Popen[str]:
        """Start a run in a process group of its own, as a terminal would."""
        environment = {**os.environ, "ANSIBLE_CONFIG": str(self.root / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        return subprocess.Popen(
            self.command(variables, playbook),
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, variables: dict[str, Any], playbook: str = "monitoring", timeout: float = 420) -> Finished:
        """Run to the end."""
        process = self.start(variables, playbook)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            pytest.fail(f"the run took more than {timeout} s:\n{output[-4000:]}")
        return Finished(process.returncode, output)

    def interrupt(self, variables: dict[str, Any], when: str, timeout: float = 180) -> Finished:
        """Press Ctrl-C as soon as a line that contains ``when`` is printed."""
        process = self.start(variables)
        lines: list[str] = []
        deadline = time.monotonic() + timeout
        pressed = False
        for line in process.stdout or ():
            lines.append(line)
            if not pressed and when in line:
                os.killpg(process.pid, signal.SIGINT)
                pressed = True
            if time.monotonic() > deadline:
                os.killpg(process.pid, signal.SIGKILL)
                break
        process.wait(timeout=30)
        if not pressed:
            pytest.fail(f"{when!r} was never printed:\n{''.join(lines)[-4000:]}")
        return Finished(process.returncode, "".join(lines))


WATCHED = (
    ("v1", "Namespace"),
    ("v1", "Secret"),
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "DaemonSet"),
    ("monitoring.coreos.com/v1", "Prometheus"),
    ("monitoring.coreos.com/v1", "Alertmanager"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
)


def snapshot(lab_api: Any) -> dict[str, str]:
    """Identity to generation (or version, where a kind has no generation) of everything the collection applied.

    What is in a namespace that a test beside this one made for itself is left out.
    """
    seen = {}
    for api_version, kind in WATCHED:
        listed = lab_api.resources.get(api_version=api_version, kind=kind).get(label_selector=COMPONENT_LABEL)
        for item in listed.items:
            metadata = item.metadata
            if (metadata.get("namespace") or "").startswith(TESTS_PREFIX):
                continue
            mark = metadata.get("generation") or metadata.resourceVersion
            seen[f"{kind} {metadata.get('namespace') or ''}/{metadata.name}"] = f"{metadata.uid} {mark}"
    return seen


def reader_kubeconfig(lab_api: Any) -> str:
    """A login to the lab's server as a service account that may do next to nothing."""
    accounts = lab_api.resources.get(api_version="v1", kind="ServiceAccount")
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 600},
    }
    token = accounts.subresources["token"].create(name="default", namespace="default", body=request).status.token
    configuration = lab_api.client.configuration
    with open(configuration.ssl_ca_cert, "rb") as stream:
        authority = base64.b64encode(stream.read()).decode()
    cluster = {"server": configuration.host, "certificate-authority-data": authority}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "reader",
            "contexts": [{"name": "reader", "context": {"cluster": "lab", "user": "reader"}}],
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "reader", "user": {"token": token}}],
        }
    )
