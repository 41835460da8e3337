# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real API server that keeps an audit log, and a faulty way to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fault_proxy import FaultProxy
from integration.engine import conftest as engine
from integration.engine.apiserver import ADMIN_TOKEN, ApiServer, find_binaries
from integration.engine.audit import Audit
from integration.engine.conftest import Cluster

namespace = engine.namespace  # the fixture


@pytest.fixture(scope="session")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return Audit(tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, audit: Audit) -> Iterator[ApiServer]:
    found = find_binaries()
    if isinstance(found, str):
        pytest.skip("needs a kube-apiserver and etcd: %s" % found)
    made = ApiServer(tmp_path_factory.mktemp("apiserver"), *found, audit.arguments)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def proxy(server: ApiServer) -> Iterator[FaultProxy]:
    made = FaultProxy(server.url, server.authority).start()
    yield made
    made.stop()


class FaultyCluster(Cluster):
    """A cluster that is reached through the proxy."""

    def __init__(self, server: ApiServer, namespace: str, proxy: FaultProxy, audit: Audit, kubeconfig: str) -> None:
        super().__init__(server, namespace)
        self.proxy, self.audit, self.kubeconfig = proxy, audit, kubeconfig

    def request(self, text, **options):
        return super().request(text, **{"kubeconfig": self.kubeconfig, **options})


@pytest.fixture
def cluster(server, namespace, proxy, audit, tmp_path) -> FaultyCluster:
    kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig", server.config_for({"token": ADMIN_TOKEN}))
    audit.news()
    return FaultyCluster(server, namespace, proxy, audit, kubeconfig)
