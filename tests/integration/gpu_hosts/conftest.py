# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPU hosts that are trees of plain files, and the whole playbook over them; only their package manager is a fake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.gpu_hosts import product as products
from integration.gpu_hosts.hosts import Site
from integration.gpu_hosts.machines import Machines, why_not
from integration.nodes.plane import NodePlane

NODES = 6
"""Nodes that every test may use: ``node(0)`` and so on."""


def node(number: int) -> str:
    """Name of a node."""
    return f"host-{number:04}"


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection with the fakes in their places."""
    return products.make(tmp_path_factory.mktemp("product"))


@pytest.fixture
def site(product: Path, tmp_path: Path) -> Site:
    """An inventory without hosts."""
    return Site(product, tmp_path)


@pytest.fixture(scope="module")
def nodes(plane: NodePlane) -> NodePlane:
    """The API server, with nodes of hosts."""
    for number in range(NODES):
        plane.simulated_node(node(number))
    return plane


@pytest.fixture
def clustered(site: Site, nodes: NodePlane) -> Site:
    """The same with a cluster, whose nodes hosts can be."""
    site.cluster = {"platform_cluster": "here", "platform_kubeconfig": str(nodes.kubeconfig)}
    return site


@pytest.fixture(scope="module")
def _machines(plane: NodePlane) -> Iterator[Machines]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    made = Machines(plane)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def machines(_machines: Machines) -> Iterator[Machines]:
    """Machines that can be rebooted, for one test."""
    yield _machines
    _machines.forget()
