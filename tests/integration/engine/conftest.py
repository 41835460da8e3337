# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real API server for the engine's tests, and short ways to ask things of it."""

from __future__ import annotations

import itertools
import json
import urllib.error
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _engine
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import load
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from integration.engine.apiserver import ApiServer, find_binaries

_NUMBER = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One server for the whole run: starting takes seconds, tests have a namespace each."""
    found = find_binaries()
    if isinstance(found, str):
        pytest.skip("needs a kube-apiserver and etcd: %s" % found)
    made = ApiServer(tmp_path_factory.mktemp("apiserver"), *found)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def namespace(server: ApiServer) -> str:
    """A new namespace."""
    name = "test-%d" % next(_NUMBER)
    server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name


class Cluster:
    """What a test does with its namespace."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self.server = server
        self.namespace = namespace
        self.lines: list[str] = []

    def request(self, text: str, **options: Any) -> Request:
        """A request for manifests written as YAML."""
        settings = {
            "component": "demo",
            "namespace": self.namespace,
            "wait": False,
            "kubeconfig": str(self.server.kubeconfig),
            **options,
        }
        check, diff = settings.pop("check_mode", False), settings.pop("diff", False)
        return Request.of(settings, load(text, "demo.yaml"), check, diff)

    def rollout(self, text: str, **options: Any) -> dict[str, Any]:
        """Roll manifests out."""
        return _engine.run(self.request(text, **options), self.lines.append, environ={})

    def path(self, plural: str, name: str = "", api: str = "/api/v1") -> str:
        """A path in the namespace."""
        return f"{api}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def get(self, plural: str, name: str = "", api: str = "/api/v1") -> Any:
        """An object of the namespace, or None."""
        try:
            return self.server.request("GET", self.path(plural, name, api))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def inventory(self, component: str = "demo") -> list[tuple[str, str]] | None:
        """(kind, name) of what is on record."""
        body = self.get("configmaps", f"rollout-inventory-{component}")
        if body is None:
            return None
        return [(entry["kind"], entry["name"]) for entry in json.loads(body["data"]["objects.json"])]

    def apply_as(self, manager: str, plural: str, body: dict[str, Any], api: str = "/api/v1") -> Any:
        """Server-side apply by somebody else, by force."""
        path = self.path(plural, body["metadata"]["name"], api) + f"?fieldManager={manager}&force=true"
        return self.server.request("PATCH", path, body, "application/apply-patch+yaml")


@pytest.fixture
def cluster(server: ApiServer, namespace: str) -> Cluster:
    """A namespace of one's own."""
    return Cluster(server, namespace)


def changes(result: dict[str, Any]) -> dict[str, str]:
    """Name to change."""
    return {entry["name"]: entry["change"] for entry in result["objects"]}
