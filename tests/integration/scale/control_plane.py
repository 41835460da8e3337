# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A control plane of its own; where it has nodes, they are kwok's: everything is real but the kubelets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _client, _login
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import HttpClient
from integration.engine.apiserver import ApiServer, free_port

METERED_RUN = Path(__file__).with_name("metered_run.py")
STAGES = Path(__file__).with_name("kwok_stages.yaml")
NICE = 5
"""Added to the niceness of all servers: what is measured comes first."""
HUMBLE = ("nice", f"-n{NICE}")
# No request waits its turn, and watches begin as they did before etcd 3.5 (Debian has 3.4, on which kwok's would fail).
FAST = (
    "--enable-priority-and-fairness=false",
    "--max-requests-inflight=0",
    "--max-mutating-requests-inflight=0",
    "--feature-gates=WatchList=false",
)


def find_kwok() -> Path | str:
    """kwok's program, or the reason why there is none."""
    root = os.environ.get("GPU_OBSERVABILITY_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "openhands-gpu-observability"
    )
    found = sorted((Path(root) / "binaries").glob("kwok/*/kwok"))
    return found[-1] if found else f"no kwok in {root}/binaries: have it built by lab_test_tools"


@dataclass(frozen=True)
class Report:
    """What one rollout in a process of its own told; see metered_run.

    Attributes:
        result: The task's result without its objects.
        verdicts: How many objects have which verdict.
        calls: Calls by verb and kind.
        received: Bytes of all answers.
        sent: Bytes of all bodies.
        seconds: How long it took.
        ended: When it ended, as seconds since the epoch.
        peak_mb: Most memory it held at once.
        lines: Seconds since the start and line of progress.
    """

    result: dict[str, Any]
    verdicts: dict[str, int]
    calls: dict[str, int]
    received: int
    sent: int
    seconds: float
    ended: float
    peak_mb: float
    lines: list[tuple[float, str]]

    @property
    def total(self) -> int:
        """All calls."""
        return sum(self.calls.values())

    @property
    def counts(self) -> dict[str, int]:
        """How many objects met each change, without the changes that none met."""
        return {change: count for change, count in self.result["counts"].items() if count}


class ControlPlane(ApiServer):
    """An API server, and beside it what DaemonSets need to run on many nodes."""

    def __init__(self, folder: Path, etcd: Path, command: list[str]) -> None:
        super().__init__(folder, etcd, command, FAST)
        self.client: HttpClient

    def start(self) -> None:
        """Start the API server."""
        super().start()
        for process in self.processes:
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        self.client = _client.connect(_login.resolve({"kubeconfig": str(self.kubeconfig)}, {}))

    def start_controllers(
        self,
        kwok: Path,
        controllers: str = "daemonset-controller",
        stages: Path = STAGES,
        arguments: Sequence[str] = (),
    ) -> None:
        """Start the scheduler, controllers (of DaemonSets, unless others are named), and kwok.

        arguments: flags of kwok on top of those every test needs.
        """
        connection = {"kubeconfig": str(self.kubeconfig), "qps": 1000, "burst": 2000}
        settings = self.folder / "scheduler.yaml"
        settings.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "kubescheduler.config.k8s.io/v1",
                    "kind": "KubeSchedulerConfiguration",
                    "clientConnection": connection,
                    "leaderElection": {"leaderElect": False},
                }
            )
        )
        self._spawn("scheduler", [*self._component("kube-scheduler"), f"--config={settings}", "--secure-port=0"])
        self._spawn(
            "controller-manager",
            [
                *self._component("kube-controller-manager"),
                f"--kubeconfig={self.kubeconfig}",
                f"--controllers={controllers}",
                "--kube-api-qps=1000",
                "--kube-api-burst=2000",
                "--leader-elect=false",
                "--secure-port=0",
            ],
        )
        self._spawn(
            "kwok",
            [
                *HUMBLE,
                str(kwok),
                f"--kubeconfig={self.kubeconfig}",
                f"--config={stages}",
                "--manage-all-nodes",
                "--cidr=10.128.0.0/16",
                "--node-lease-duration-seconds=3600",
                f"--server-address=127.0.0.1:{free_port()}",
                *arguments,
            ],
        )

    def _component(self, name: str) -> list[str]:
        """The command of another of Kubernetes' programs, which lies beside kube-apiserver or is the same file."""
        program = Path(self.command[0])
        beside = program.parent / name
        return [*HUMBLE, *([str(beside)] if beside.exists() else [str(program), name])]

    def create(self, path: str, bodies: Iterable[dict[str, Any]]) -> None:
        """Create many objects over connections that are kept."""
        with ThreadPoolExecutor(8) as pool:
            for _done in pool.map(lambda body: self.client.send("POST", path, body), bodies):
                pass

    def namespace(self, name: str) -> str:
        """Make a namespace."""
        self.create("/api/v1/namespaces", [{"metadata": {"name": name}}])
        return name

    def add_nodes(self, count: int) -> None:
        """Add nodes, and wait until kwok has made them ready."""
        self.create("/api/v1/nodes", [{"metadata": {"name": f"node-{number:04}"}} for number in range(count)])
        deadline = time.monotonic() + 60
        ready = 0
        while time.monotonic() < deadline:
            ready = sum(map(_ready, self.client.get("/api/v1/nodes")["items"]))
            if ready >= count:
                return
            time.sleep(1)
        raise RuntimeError(f"kwok made {ready} of {count} nodes ready: {self.tail('kwok')}")

    def rollout(self, objects: Sequence[dict[str, Any]], namespace: str, **options: Any) -> Report:
        """Roll a set out in a process of its own."""
        file = self.folder / "set.yaml"
        file.write_text(yaml.dump_all(objects, Dumper=yaml.CSafeDumper))
        given = {"component": "scale", "namespace": namespace, "kubeconfig": str(self.kubeconfig), **options}
        done = subprocess.run(
            [sys.executable, str(METERED_RUN)],
            input=json.dumps({"options": given, "file": str(file)}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Report(**json.loads(done.stdout))

    def tail(self, name: str) -> str:
        """The end of a process's log."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]


def _ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
