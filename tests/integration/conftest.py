# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by tests/integration/nodes and tests/integration/gpu_hosts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from integration.engine.apiserver import find_binaries
from integration.nodes.plane import NodePlane
from integration.scale.control_plane import find_kwok


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodePlane]:
    """A real API server whose nodes are kwok's; one for each file, as what is in maintenance matters to the others."""
    found, kwok = find_binaries(), find_kwok()
    for reason in (found, kwok):
        if isinstance(reason, str):
            pytest.skip("needs a kube-apiserver, etcd and kwok: %s" % reason)
    made = NodePlane(tmp_path_factory.mktemp("plane"), *found)
    try:
        made.start()
        made.start_nodes(kwok)
        yield made
    finally:
        made.stop()
