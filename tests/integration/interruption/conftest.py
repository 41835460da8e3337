# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed at a chosen call, and what they must leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fault_proxy import Call, FaultProxy
from integration.engine.apiserver import ADMIN_TOKEN, ApiServer, find_binaries

HERE = Path(__file__).parent
CANARY = "canary-hunter2-never-on-disk"
COMPONENT_LABEL = "gpu-observability.openhands.dev/component"
KINDS = ("namespaces", "configmaps", "secrets", "serviceaccounts", "services")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    found = find_binaries()
    if isinstance(found, str):
        pytest.skip("needs a kube-apiserver and etcd: %s" % found)
    made = ApiServer(tmp_path_factory.mktemp("apiserver"), *found)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def proxy(server: ApiServer) -> Iterator[FaultProxy]:
    made = FaultProxy(server.url, server.authority).start()
    yield made
    made.stop()


@dataclass
class Ended:
    """How a run ended. signal: what it died of, 0 if it didn't."""

    signal: int
    code: int
    outcome: dict[str, Any]
    calls: list[Call]

    @property
    def changes(self) -> dict[str, str]:
        return {entry["name"]: entry["change"] for entry in self.outcome["result"]["objects"]}


class Runs:
    """Starts runs through the proxy, one at a time."""

    def __init__(self, folder: Path, server: ApiServer, proxy: FaultProxy) -> None:
        self.folder, self.server, self.proxy = folder, server, proxy
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.kubeconfig = proxy.kubeconfig(folder / "kubeconfig", server.config_for({"token": ADMIN_TOKEN}))
        self.driver = subprocess.Popen(
            [sys.executable, str(HERE / "driver.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "TMPDIR": str(self.temporary)},
        )

    def run(
        self,
        namespace: str,
        text: str,
        *,
        kill: Callable[[Call], bool] | None = None,
        answered: bool = False,
        number: int = signal.SIGKILL,
        **options: Any,
    ) -> Ended:
        """Run; send the signal at the first call that ``kill`` picks: before it is passed on, or once it was obeyed."""
        log = self.folder / "outcome.json"
        log.unlink(missing_ok=True)
        self.proxy.forget()
        known, struck = threading.Event(), threading.Event()
        pid = 0

        def strike(call: Call) -> bool:
            if kill is None or struck.is_set() or not kill(call):
                return False
            struck.set()
            known.wait(10)
            os.kill(pid, number)
            return True

        # What a killed run was about to say isn't heard; one that was only asked to end may still have sent it.
        self.proxy.before = lambda call: answered or not (strike(call) and number == signal.SIGKILL)
        self.proxy.after = lambda call: not (answered and strike(call) and number == signal.SIGKILL)
        settings = {
            "component": "demo",
            "namespace": namespace,
            "wait": True,
            "wait_timeout": 20,
            "kubeconfig": self.kubeconfig,
            **options,
        }
        assert self.driver.stdin is not None
        assert self.driver.stdout is not None
        self.driver.stdin.write(json.dumps({"options": settings, "text": text, "log": str(log)}) + "\n")
        pid = int(self.driver.stdout.readline())
        known.set()
        status = int(self.driver.stdout.readline())
        calls = [call for call, _fault in self.proxy.calls]
        self.proxy.before, self.proxy.after = lambda _call: True, lambda _call: True
        outcome = json.loads(log.read_text()) if log.exists() else {}
        return Ended(os.WTERMSIG(status), os.WEXITSTATUS(status), outcome, calls)

    def live(self, namespace: str) -> set[tuple[str, str]]:
        """(kind's plural, name) of everything that carries our label."""
        found = set()
        for plural in KINDS:
            scope = "" if plural == "namespaces" else f"/namespaces/{namespace}"
            listed = self.server.request("GET", f"/api/v1{scope}/{plural}?labelSelector={COMPONENT_LABEL}")
            found |= {
                (plural, item["metadata"]["name"])
                for item in listed["items"]
                if plural != "namespaces" or item["metadata"]["name"] == namespace
            }
        return found

    def record(self, namespace: str) -> dict[tuple[str, str], str]:
        """(kind's plural, name) to the UID on record."""
        body = self.get(f"/api/v1/namespaces/{namespace}/configmaps/rollout-inventory-demo")
        entries = json.loads(body["data"]["objects.json"]) if body else []
        return {(entry["kind"].lower() + "s", entry["name"]): entry["uid"] for entry in entries}

    def get(self, path: str) -> Any:
        try:
            return self.server.request("GET", path)
        except OSError:
            return None

    def leases(self, namespace: str) -> list[str]:
        listed = self.server.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases")
        return [item["metadata"]["name"] for item in listed["items"]]

    def spilled(self) -> list[Path]:
        """Files below the run's TMPDIR with the canary in them."""
        files = [path for path in self.temporary.rglob("*") if path.is_file()]
        return [path for path in files if CANARY.encode() in path.read_bytes()]

    def stop(self) -> None:
        assert self.driver.stdin is not None
        self.driver.stdin.close()
        self.driver.wait(10)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, server: ApiServer, proxy: FaultProxy) -> Iterator[Runs]:
    made = Runs(tmp_path_factory.mktemp("runs"), server, proxy)
    yield made
    made.stop()
