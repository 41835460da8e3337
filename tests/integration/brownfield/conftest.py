# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real API server with what other installers leave behind."""

from __future__ import annotations

from typing import Any

import pytest
from integration.engine.apiserver import ApiServer
from integration.engine.conftest import Cluster, cluster, namespace, server

__all__ = ["cluster", "namespace", "server"]

CORE = {"ConfigMap": "configmaps", "Service": "services", "Secret": "secrets", "ServiceAccount": "serviceaccounts"}


def plural(kind: str) -> str:
    """As paths have it."""
    return CORE.get(kind, kind.lower() + ("es" if kind.endswith("s") else "s"))


class Site:
    """Puts objects there as Helm does, and looks at them again."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    def path(self, body: dict[str, Any]) -> str:
        """Path of the collection."""
        root = "/api/v1" if "/" not in body["apiVersion"] else "/apis/" + body["apiVersion"]
        where = body["metadata"].get("namespace")
        return root + (f"/namespaces/{where}" if where else "") + "/" + plural(body["kind"])

    def namespace(self, name: str) -> None:
        """Make a namespace."""
        self.server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def install(self, *bodies: dict[str, Any], manager: str = "helm", ready: bool = False) -> None:
        """Create objects; ready: say that a pod of each is."""
        for body in bodies:
            made = self.server.request("POST", self.path(body) + f"?fieldManager={manager}", body)
            if ready:
                counts = {
                    "numberReady": 1,
                    "desiredNumberScheduled": 1,
                    "currentNumberScheduled": 1,
                    "numberMisscheduled": 0,
                }
                status = counts if body["kind"] == "DaemonSet" else {"replicas": 1, "readyReplicas": 1}
                path = f"{self.path(body)}/{body['metadata']['name']}/status"
                self.server.request("PUT", path, {**made, "status": status})

    def live(self, body: dict[str, Any]) -> Any:
        """The object as it is now."""
        return self.server.request("GET", f"{self.path(body)}/{body['metadata']['name']}")

    def remove(self, *bodies: dict[str, Any]) -> None:
        """Delete objects."""
        for body in bodies:
            self.server.request("DELETE", f"{self.path(body)}/{body['metadata']['name']}")


@pytest.fixture
def site(server: ApiServer) -> Site:
    """The way into the server."""
    return Site(server)


__all__ += ["Cluster", "Site"]
