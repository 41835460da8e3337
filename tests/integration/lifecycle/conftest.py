# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server with the controllers that own, orphan and clean up."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from integration.engine.apiserver import ApiServer, free_port
from integration.engine.conftest import cluster, namespace, server
from integration.ownership.conftest import _program

__all__ = ["cluster", "controllers", "namespace", "server"]
CONTROLLERS = "garbage-collector-controller,namespace-controller,statefulset-controller,deployment-controller"


@pytest.fixture(scope="session", autouse=True)
def controllers(server: ApiServer) -> Iterator[None]:
    """The real ones; no kubelet, so no pod ever runs."""
    command = [
        *_program("kube-controller-manager"),
        "--kubeconfig=%s" % server.kubeconfig,
        "--controllers=" + CONTROLLERS,
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--secure-port=%d" % free_port(),
    ]
    with open(server.folder / "lifecycle-controllers.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=str(server.folder), start_new_session=True)
        yield
        process.kill()
        process.wait(15)
