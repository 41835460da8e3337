# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real API server with the real controller of disruption budgets; its nodes are kwok's, and so are their kubelets."""

from __future__ import annotations

import glob
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _live
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import record
from integration.engine.apiserver import free_port
from integration.scale.control_plane import ControlPlane

STAGES = Path(__file__).with_name("kwok_stages.yaml")
MERGE = "application/merge-patch+json"
NODES = "/api/v1/nodes/"
MONITORING = "monitoring"
WEB = 9093
KUBELET = "kubelet"
"""Node label: ``dead`` is never ready, ``simulated`` has a status that the test writes; without it kwok writes it."""


def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def find_alertmanager() -> Path | str:
    """Alertmanager's program, or the reason why there is none."""
    root = os.environ.get("GPU_OBSERVABILITY_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "openhands-gpu-observability"
    )
    found = sorted(glob.glob(f"{root}/binaries/alertmanager/*/alertmanager"))
    return Path(found[-1]) if found else f"no alertmanager in {root}/binaries: have it built by lab_test_tools"


class NodePlane(ControlPlane):
    """The control plane, and what tests of nodes ask of it."""

    def start_nodes(self, kwok: Path) -> None:
        """Start kwok. Port 9093 of every pod leads to ``alertmanager_port`` of this machine."""
        self.alertmanager_port, self._kubelet_port = free_port(), free_port()
        forward = {"ports": [WEB], "target": {"address": "127.0.0.1", "port": self.alertmanager_port}}
        forwards = self.folder / "forwards.yaml"
        forwards.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "kwok.x-k8s.io/v1alpha1",
                    "kind": "ClusterPortForward",
                    "metadata": {"name": "alertmanager"},
                    "spec": {"forwards": [forward]},
                }
            )
        )
        certificate, key = self.authority.issue("kwok", "kwok", server=True)
        more = [f"--config={forwards}", f"--server-address=127.0.0.1:{self._kubelet_port}"]
        more += [f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}"]
        self.start_controllers(kwok, "disruption-controller", STAGES, more)

    def node(self, name: str) -> dict[str, Any]:
        """A node as it is."""
        return self.client.get(NODES + name)

    def patch_node(self, name: str, body: dict[str, Any], part: str = "") -> None:
        """Somebody changes a node."""
        self.client.send("PATCH", NODES + name + part, body, None, MERGE)

    def unschedulable(self, name: str) -> bool:
        """Whether a node is cordoned."""
        return bool(self.node(name)["spec"].get("unschedulable"))

    def maintenance(self, name: str) -> dict[str, Any]:
        """What a node's annotation says of its maintenance; empty where it is in none."""
        text = (self.node(name)["metadata"].get("annotations") or {}).get(record.RECORD)
        return json.loads(text) if text else {}

    def told(self, reason: str) -> dict[str, str]:
        """Nodes with an event of a reason, and its message."""
        found = self.client.get("/api/v1/namespaces/default/events")["items"]
        return {one["involvedObject"]["name"]: one["message"] for one in found if one["reason"] == reason}

    def find(self, path: str) -> dict[str, Any] | None:
        """An object, or None."""
        return _live.get(self.client, path)

    def simulated_node(self, name: str, **labels: str) -> None:
        """Add a node whose kubelet is the test."""
        node = {"metadata": {"name": name, "labels": {KUBELET: "simulated", **labels}}}
        self.create("/api/v1/nodes", [node])
        self.kubelet_says(name, "first", True)

    def kubelet_says(self, name: str, boot: str, ready: bool) -> None:
        """Write a simulated node's status."""
        offered = {"cpu": "64", "memory": "256Gi", "pods": "110", "nvidia.com/gpu": "8"}
        status = {
            "allocatable": offered,
            "capacity": offered,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False", "reason": "Simulated"}],
            "nodeInfo": {**dict.fromkeys(_INFO, "-"), "bootID": boot},
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._kubelet_port}},
        }
        self.patch_node(name, {"status": status}, "/status")

    def pod(
        self, namespace: str, name: str, node: str, *, gpus: int = 0, owner: str = "ReplicaSet", **meta: Any
    ) -> None:
        """A pod that runs on a node."""
        reference = {"apiVersion": "apps/v1", "kind": owner, "name": "o", "uid": "u", "controller": True}
        resources = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
        body = {
            "metadata": {"name": name, "ownerReferences": [reference] if owner else [], **meta},
            "spec": {
                "nodeName": node,
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "c", "image": "i", "resources": resources}],
                "tolerations": [{"operator": "Exists"}],
                "automountServiceAccountToken": False,
            },
        }
        self.create(f"/api/v1/namespaces/{namespace}/pods", [body])

    def pods(self, namespace: str) -> list[str]:
        """Names of a namespace's pods."""
        return sorted(
            one["metadata"]["name"] for one in self.client.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        )

    def budget(self, namespace: str, name: str, least: int) -> str:
        """A disruption budget for pods with the label ``app`` of its name, counted by its controller; its path."""
        selector = {"matchLabels": {"app": name}}
        path = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
        self.create(path, [{"metadata": {"name": name}, "spec": {"minAvailable": least, "selector": selector}}])
        until(lambda: (self.client.get(f"{path}/{name}").get("status") or {}).get("currentHealthy"))
        return f"{path}/{name}"

    def start_alertmanager(self, program: Path) -> str:
        """Start a real Alertmanager behind a Service; its address on this machine."""
        settings = self.folder / "alertmanager.yml"
        settings.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
        address = f"127.0.0.1:{self.alertmanager_port}"
        files = [f"--config.file={settings}", f"--storage.path={self.folder / 'alertmanager'}"]
        self._spawn(
            "alertmanager", [str(program), *files, f"--web.listen-address={address}", "--cluster.listen-address="]
        )
        self.simulated_node("monitoring-node")
        self.namespace(MONITORING)
        port = {"name": "web", "port": WEB, "targetPort": WEB}
        service = {"metadata": {"name": "alertmanager"}, "spec": {"selector": {"app": "alertmanager"}, "ports": [port]}}
        self.create(f"/api/v1/namespaces/{MONITORING}/services", [service])
        self.pod(MONITORING, "alertmanager-0", "monitoring-node", labels={"app": "alertmanager"})

        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"http://{address}/-/ready", timeout=5) as answer:
                    return bool(answer.status == 200)
            except (OSError, urllib.error.URLError):
                return False

        until(answers)
        return f"http://{address}"


_INFO = (
    "machineID",
    "systemUUID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
)
