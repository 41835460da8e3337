# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thirty nodes with eight GPUs each on a real API server, with the real controller of disruption budgets."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import NODE_MAINTENANCE_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import maintenance, record
from integration.nodes.plane import NodePlane

NODES = 30
DEFAULTS = {name: option.get("default") for name, option in NODE_MAINTENANCE_ARGSPEC.items()}


@pytest.fixture(scope="module")
def nodes(plane: NodePlane) -> NodePlane:
    """The control plane with nodes."""
    plane.add_nodes(NODES)
    return plane


@dataclass
class Fleet:
    """One test's nodes, pods and calls."""

    plane: NodePlane
    namespace: str
    numbers: Iterator[int]
    run: str = "run-one"
    finalizers: list[str] = field(default_factory=list)

    def node(self) -> str:
        """A node that no other test uses."""
        return f"node-{next(self.numbers):04}"

    def get(self, node: str) -> dict[str, Any]:
        """The node as it is."""
        return self.plane.node(node)

    def record(self, node: str) -> record.Record | None:
        """The maintenance it is in."""
        return record.of(self.get(node))

    def patch(self, node: str, body: dict[str, Any], part: str = "") -> None:
        """Somebody else changes it."""
        self.plane.patch_node(node, body, part)

    def pod(self, name: str, node: str, *, gpus: int = 0, owner: str = "ReplicaSet", **metadata: Any) -> None:
        """A pod that runs there."""
        self.plane.pod(self.namespace, name, node, gpus=gpus, owner=owner, **metadata)

    def pods(self) -> list[str]:
        """Names of the pods that are there."""
        return self.plane.pods(self.namespace)

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
def fleet(nodes: NodePlane) -> Iterator[Fleet]:
    """Nodes for one test; the Lease is given back at its end."""
    name = nodes.namespace("test-%d" % next(_names))
    made = Fleet(nodes, name, _numbers)
    yield made
    made.do("ended", "any")


_names = itertools.count()
