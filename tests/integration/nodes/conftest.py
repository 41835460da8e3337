# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty nodes with eight GPUs each on a real API server, with the real controller of disruption budgets."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import NODE_MAINTENANCE_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import maintenance, record
from integration.engine.apiserver import find_binaries
from integration.scale.control_plane import ControlPlane, find_kwok

STAGES = Path(__file__).with_name("kwok_stages.yaml")
NODES = 30
MERGE = "application/merge-patch+json"
DEFAULTS = {name: option.get("default") for name, option in NODE_MAINTENANCE_ARGSPEC.items()}


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The control plane and its nodes."""
    found, kwok = find_binaries(), find_kwok()
    for reason in (found, kwok):
        if isinstance(reason, str):
            pytest.skip("needs a kube-apiserver, etcd and kwok: %s" % reason)
    made = ControlPlane(tmp_path_factory.mktemp("nodes"), *found)
    try:
        made.start()
        made.start_controllers(kwok, "disruption-controller", STAGES)
        made.add_nodes(NODES)
        yield made
    finally:
        made.stop()


@dataclass
class Fleet:
    """One test's nodes, pods and calls."""

    plane: ControlPlane
    namespace: str
    numbers: Iterator[int]
    run: str = "run-one"
    finalizers: list[str] = field(default_factory=list)

    def node(self) -> str:
        """A node that no other test uses."""
        return f"node-{next(self.numbers):04}"

    def get(self, node: str) -> dict[str, Any]:
        """The node as it is."""
        return self.plane.client.get("/api/v1/nodes/" + node)

    def record(self, node: str) -> record.Record | None:
        """The maintenance it is in."""
        return record.of(self.get(node))

    def patch(self, node: str, body: dict[str, Any], part: str = "") -> None:
        """Somebody else changes it."""
        self.plane.client.send("PATCH", "/api/v1/nodes/" + node + part, body, None, MERGE)

    def pod(self, name: str, node: str, *, gpus: int = 0, owner: str = "ReplicaSet", **metadata: Any) -> None:
        """A pod that runs there."""
        reference = {"apiVersion": "apps/v1", "kind": owner, "name": "o", "uid": "u", "controller": True}
        resources = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
        body = {
            "metadata": {"name": name, "ownerReferences": [reference] if owner else [], **metadata},
            "spec": {
                "nodeName": node,
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "c", "image": "i", "resources": resources}],
                "tolerations": [{"operator": "Exists"}],
                "automountServiceAccountToken": False,
            },
        }
        self.plane.create(f"/api/v1/namespaces/{self.namespace}/pods", [body])

    def pods(self) -> list[str]:
        """Names of the pods that are there."""
        return sorted(one["metadata"]["name"] for one in self.plane.client.get(self._pods)["items"])

    @property
    def _pods(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"

    def options(self, state: str, node: str, **more: Any) -> dict[str, Any]:
        """The options of a call."""
        drain = {"timeout": 5, **more.pop("drain", {})}
        asked = {"state": state, "node": node, "run": self.run, "drain": drain, "ready_timeout": 5, "ceph": "ignore"}
        return {**DEFAULTS, "kubeconfig": str(self.plane.kubeconfig), **asked, **more}

    def do(self, state: str, node: str, check: bool = False, **more: Any) -> dict[str, Any]:
        """One call of the module."""
        return maintenance.run(self.options(state, node, **more), check, environ={})

    def text(self, state: str, node: str, **more: Any) -> str:
        """The same options as JSON, for a process of its own."""
        return json.dumps(self.options(state, node, **more))


_numbers = itertools.count()


@pytest.fixture
def fleet(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """Nodes for one test; the Lease is given back at its end."""
    name = plane.namespace("test-%d" % next(_names))
    made = Fleet(plane, name, _numbers)
    yield made
    made.do("ended", "any")


_names = itertools.count()
