# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab with its stack on it, a way to its pods, and playbooks run against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import PodTransport, pod_transport
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

ROOT = Path(__file__).parents[3]
STATE = os.environ.get("GPU_OBSERVABILITY_LAB_STATE") or "/var/lib/openhands-gpu-observability-lab"
KUBECONFIG = f"{STATE}/kubeconfig"
PLAYBOOK = (str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(ROOT / "inventories" / "lab"))


@dataclass(frozen=True)
class Run:
    """What a playbook left: exit code, both streams, and the results it wrote down for the test."""

    code: int
    text: str


Play = Callable[..., Run]


@pytest.fixture(scope="session")
def transport() -> PodTransport:
    """The way to the lab's pods."""
    if not Path(KUBECONFIG).exists():
        pytest.skip(f"there is no lab: {KUBECONFIG} is missing (make lab)")
    made = pod_transport({"kubeconfig": KUBECONFIG})
    try:
        made.client.get("/version")
    except ApiError as error:
        pytest.skip(f"the lab does not answer (make lab): {error}")
    return made


@pytest.fixture(scope="session")
def stack(transport: PodTransport) -> PodTransport:
    """The same, where site.yml has run."""
    for namespace, service in (("monitoring", "prometheus"), ("models", "load-generator")):
        try:
            transport.client.get(f"/api/v1/namespaces/{namespace}/services/{service}")
        except ApiError:
            pytest.skip(f"site.yml has not run: there is no service {namespace}/{service}")
    return transport


@pytest.fixture
def play(transport: PodTransport) -> Play:
    """Run one of the collection's playbooks with extra variables."""

    def run(name: str, **variables: object) -> Run:
        command = [*PLAYBOOK, str(ROOT / "playbooks" / name), "-e", json.dumps(variables)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
        return Run(done.returncode, done.stdout + done.stderr)

    return run


@pytest.fixture
def tasks(transport: PodTransport, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start a play of the given tasks with the lab's connection."""

    def start(*todo: dict[str, object], arguments: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        book = tmp_path / "play.yml"
        whole = {
            "hosts": "kubernetes_clusters",
            "gather_facts": False,
            "module_defaults": {"group/openhands.gpu_observability.kubernetes": {"kubeconfig": KUBECONFIG}},
            "vars": {"platform_namespace": "monitoring"},
            "tasks": list(todo),
        }
        book.write_text(json.dumps([whole]))
        command = [*PLAYBOOK, str(book), *arguments]
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ}
        )

    return start
