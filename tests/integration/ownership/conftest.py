# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server with kubectl and the controllers that write into other people's objects."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from integration.engine.apiserver import ApiServer, find_binaries, free_port
from integration.engine.conftest import Cluster, cluster, namespace, server

__all__ = ["Kubectl", "cluster", "controllers", "kubectl", "managers", "namespace", "server", "until"]

CONTROLLERS = "clusterrole-aggregation-controller,horizontal-pod-autoscaler-controller"


def _program(name: str) -> list[str]:
    """The command that starts one of Kubernetes' programs, found beside the API server's."""
    found = find_binaries()
    if isinstance(found, str):
        pytest.skip("needs Kubernetes' programs: %s" % found)
    _etcd, command = found
    if len(command) == 2:
        return [command[0], name]
    path = command[0].replace("kube-apiserver", name)
    return [path]


class Kubectl:
    """kubectl in one namespace, as a person would use it."""

    def __init__(self, cluster: Cluster) -> None:
        self.base = [*_program("kubectl"), "--kubeconfig", str(cluster.server.kubeconfig), "-n", cluster.namespace]

    def __call__(self, *arguments: str, text: str | None = None) -> str:
        done = subprocess.run([*self.base, *arguments], input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def kubectl(cluster: Cluster) -> Kubectl:
    """A person."""
    return Kubectl(cluster)


@pytest.fixture(scope="session")
def controllers(server: ApiServer) -> Iterator[None]:
    """The real controllers for autoscaling and for aggregated cluster roles."""
    command = [
        *_program("kube-controller-manager"),
        "--kubeconfig=%s" % server.kubeconfig,
        "--controllers=" + CONTROLLERS,
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--secure-port=%d" % free_port(),
        "--horizontal-pod-autoscaler-sync-period=1s",
    ]
    with open(server.folder / "controllers.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=str(server.folder), start_new_session=True)
        yield
        process.kill()
        process.wait(15)


def until(look: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait for something true and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("not within %g s" % seconds)


def managers(body: dict[str, Any]) -> set[tuple[str, str]]:
    """(manager, operation) of everybody who holds a field of the object itself."""
    entries = body["metadata"]["managedFields"]
    return {(entry["manager"], entry["operation"]) for entry in entries if not entry.get("subresource")}


def forget(cluster: Cluster) -> None:
    """Take the fingerprints out of the record, so that the next run asks the server about every object."""
    path = cluster.path("configmaps", "rollout-inventory-demo")
    entries = json.loads(cluster.server.request("GET", path)["data"]["objects.json"])
    bare = [{key: item for key, item in entry.items() if key not in ("desired", "owned")} for entry in entries]
    change = {"data": {"objects.json": json.dumps(bare)}}
    cluster.server.request("PATCH", path, change, "application/merge-patch+json")
