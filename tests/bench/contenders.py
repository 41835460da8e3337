# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is compared: how each applies a set, and under which name it owns fields."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import objects
import yaml
from integration.engine.apiserver import ApiServer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OURS, LOOP, MULTI, KUBECTL = "rollout", "k8s-loop", "k8s-multi", "kubectl"
ENGINE = "rollout, inside the task"
_SAID = re.compile(r"engine took ([\d.]+) s")


@dataclass(frozen=True)
class Place:
    """Where one contender's copy of a set goes, and how it is reached."""

    contender: str
    owner: str
    folder: Path
    file: Path
    kubeconfig: Path
    kubectl: tuple[str, ...]
    upstream: bool


@dataclass(frozen=True)
class Run:
    """One timed command. engine: seconds inside the task, where it tells."""

    seconds: float
    peak_mb: float
    engine: float | None = None


def place(server: ApiServer, folder: Path, wanted: objects.Set, contender: str, turn: int) -> Place:
    """Write a set for one contender, in a namespace and API group that nobody else uses."""
    owner = f"{wanted.name}-{contender}-{turn}"
    home = folder / owner
    (home / "role" / "templates").mkdir(parents=True, exist_ok=True)
    (home / "role" / "tasks").mkdir(exist_ok=True)
    shutil.copy(HERE / "role_tasks.yml", home / "role" / "tasks" / "main.yml")
    bodies = [objects.placed(body, owner) for body in wanted.objects()]
    text = "".join("---\n" + yaml.dump(body, Dumper=yaml.CSafeDumper, sort_keys=False) for body in bodies)
    file = home / "set.yaml"
    file.write_text(text)
    # As Ansible's templates have it, so that nothing in the text is taken for an expression.
    (home / "role" / "templates" / "set.yaml.j2").write_text("" if wanted.upstream else text)
    server.request("POST", "/api/v1/namespaces", {"metadata": {"name": owner}})
    command = server.command if server.command[-1] != "kube-apiserver" else [server.command[0], "kubectl"]
    beside = Path(server.command[0]).with_name("kubectl")
    program = [str(beside)] if beside.exists() else command
    kubectl = (*program, f"--kubeconfig={server.kubeconfig}")
    return Place(contender, owner, home, file, server.kubeconfig, kubectl, wanted.upstream)


def _playbook(at: Place) -> tuple[str, ...]:
    given: dict[str, Any] = {
        "bench_file": str(at.file),
        "bench_namespace": at.owner,
        "bench_kubeconfig": str(at.kubeconfig),
        "bench_manager": MANAGERS[at.contender],
        "bench_role": str(at.folder / "role"),
        "bench_templates": [] if at.upstream else ["set.yaml.j2"],
        "bench_upstream": [],
        "bench_upstream_base": f"file://{at.folder}",
        "bench_upstream_cache": str(at.folder / "cache"),
    }
    if at.upstream:
        digest = hashlib.sha256(at.file.read_bytes()).hexdigest()
        given["bench_upstream"] = [{"path": at.file.name, "sha256": digest}]
    command = ("ansible-playbook", "-i", "localhost,", str(HERE / "contenders.yml"))
    return (*command, "--tags", at.contender, "-e", json.dumps(given))


def _kubectl(at: Place) -> tuple[str, ...]:
    return (*at.kubectl, "apply", "--server-side", "-f", str(at.file))


COMMANDS: dict[str, Callable[[Place], tuple[str, ...]]] = {
    OURS: _playbook,
    KUBECTL: _kubectl,
    MULTI: _playbook,
    LOOP: _playbook,
}
MANAGERS = {OURS: "openhands-gpu-observability", KUBECTL: "kubectl", MULTI: "bench", LOOP: "bench"}
"""Under which name each owns fields."""


def nothing(folder: Path) -> Run:
    """An ansible-playbook that does nothing."""
    command = ("ansible-playbook", "-i", "localhost,", str(HERE / "contenders.yml"), "--tags", "nothing")
    return measured((*command, "-e", "bench_role=none"), folder)


def apply(at: Place) -> Run:
    """Apply a contender's set once."""
    return measured(COMMANDS[at.contender](at), at.folder)


def drift(server: ApiServer, at: Place, wanted: objects.Set) -> None:
    """Change one value of one object in the contender's own name."""
    body = objects.placed(objects.drifting(wanted.objects()), at.owner)
    if body["kind"] == "CustomResourceDefinition":
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{body['metadata']['name']}"
    else:
        path = f"/api/v1/namespaces/{at.owner}/configmaps/{body['metadata']['name']}"
    changed = objects.drifted(server.request("GET", path), MANAGERS[at.contender])
    query = f"?fieldManager={MANAGERS[at.contender]}&force=true"
    server.request("PATCH", path + query, changed, "application/apply-patch+yaml")


def measured(command: tuple[str, ...], folder: Path) -> Run:
    """Run a command to its end; what it says is shown when it fails."""
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".json") as report:
        launcher = (sys.executable, "-I", "-S", str(HERE / "measured.py"), report.name, *command)
        done = subprocess.run(launcher, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        found = json.loads(report.read() or b'{"code": 1}') if done.returncode == 0 else {"code": done.returncode}
    if found["code"] != 0:
        message = f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        raise SystemExit(message)
    said = _SAID.search(done.stdout)
    return Run(found["seconds"], found["peak_mb"], float(said[1]) if said else None)
