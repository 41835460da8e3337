# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the lab's API server and namespaces that go away again."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _client, _login
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object, ObjectId
from ansible_collections.openhands.gpu_observability.plugins.module_utils._wait import Target

KUBECONFIG = os.environ.get("GPU_OBSERVABILITY_KUBECONFIG", "/var/lib/openhands-gpu-observability-lab/kubeconfig")


class Cluster:
    """Applies manifests and names them as targets."""

    def __init__(self, client: _client.HttpClient, suffix: str) -> None:
        self.client = client
        self.suffix = suffix

    def namespace(self, purpose: str, **labels: str) -> str:
        """Make a namespace of our own."""
        name = f"verdicts-{purpose}-{self.suffix}"
        labels = {"tests": "verdicts", **labels}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        return name

    def apply(self, body: Object) -> Target:
        """Apply one manifest server-side."""
        target = self.target(body)
        path = target.resource.path(target.id.namespace, target.id.name)
        query = {"fieldManager": "verdict-tests", "force": "true"}
        self.client.send("PATCH", path, body, query, "application/apply-patch+yaml")
        return target

    def target(self, body: Object) -> Target:
        """How the server serves an object of this kind."""
        resource = self.client.resource(body["apiVersion"], body["kind"])
        if resource is None:
            self.client.forget_discovery()
            resource = self.client.resource(body["apiVersion"], body["kind"])
        assert resource is not None, body["kind"]
        return Target(resource, ObjectId.of(body))

    def delete(self, target: Target) -> None:
        """Delete one object, if it is still there."""
        try:
            self.client.send("DELETE", target.resource.path(target.id.namespace, target.id.name))
        except ApiError as error:
            if error.status != 404:
                raise

    def sweep(self) -> None:
        """Delete the namespaces made."""
        for item in self.client.get("/api/v1/namespaces", {"labelSelector": "tests=verdicts"})["items"]:
            if item["metadata"]["name"].endswith(self.suffix):
                self.client.send("DELETE", "/api/v1/namespaces/" + item["metadata"]["name"])


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The lab's cluster."""
    if not Path(KUBECONFIG).exists():
        pytest.skip(f"no lab: {KUBECONFIG} doesn't exist; run make lab, or set GPU_OBSERVABILITY_KUBECONFIG")
    client = _client.connect(_login.resolve({"kubeconfig": KUBECONFIG}, {}))
    try:
        client.get("/version")
    except ApiError as error:
        pytest.skip(f"the lab doesn't answer: {error.message}; run make lab")
    lab = Cluster(client, uuid.uuid4().hex[:6])
    yield lab
    lab.sweep()
