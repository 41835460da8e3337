# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPU hosts that are trees of plain files, and the whole playbook over them; only their package manager is a fake."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.gpu_hosts.hosts import Site
from integration.gpu_hosts.machines import Machines, why_not
from integration.nodes.plane import NodePlane

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
OVERLAY = {
    "driver_packages.py": "plugins/modules/driver_packages.py",
    "change.yml": "roles/nvidia_driver/tasks/change.yml",
    "prepare.yml": "roles/nvidia_driver/tasks/prepare.yml",
    "containers.yml": "playbooks/gpu_hosts_containers.yml",
}
NODES = 6
"""Nodes that every test may use: ``node(0)`` and so on."""
ENTRIES = ("galaxy.yml", "meta", "playbooks", "plugins", "roles", "ansible.cfg")


def node(number: int) -> str:
    """Name of a node."""
    return f"host-{number:04}"


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection with the fakes in their places."""
    folder = tmp_path_factory.mktemp("product") / "ansible_collections/openhands/gpu_observability"
    folder.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__", "_lab")
    for name in ENTRIES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    shutil.copytree(ROOT / "plugins/module_utils/_lab", folder / "plugins/module_utils/_lab")
    for name, target in OVERLAY.items():
        shutil.copy(HERE / "overlay" / name, folder / target)
    return folder


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
