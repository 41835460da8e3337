# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One control plane for all tests of scale; only those of pods give it nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from integration.engine.apiserver import find_binaries
from integration.scale.control_plane import ControlPlane, find_kwok

NODES = 1000


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane without nodes."""
    found = find_binaries()
    if isinstance(found, str):
        pytest.skip("needs a kube-apiserver and etcd: %s" % found)
    made = ControlPlane(tmp_path_factory.mktemp("scale"), *found)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def nodes(plane: ControlPlane) -> int:
    """Many nodes that are ready; their number."""
    kwok = find_kwok()
    if isinstance(kwok, str):
        pytest.skip("needs many nodes: %s" % kwok)
    plane.start_controllers(kwok)
    plane.add_nodes(NODES)
    return NODES
