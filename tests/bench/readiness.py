# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How soon the engine sees that an object has become ready."""

from __future__ import annotations

import threading
import time
from typing import Any

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _client, _engine, _login
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from integration.engine.apiserver import ApiServer

READY_AFTER = 1.7
"""Seconds after which an object is made ready: no multiple of what the engine sleeps."""


def deployment(name: str) -> dict[str, Any]:
    """A Deployment whose pods have a readiness probe, so that being available is believed at once."""
    container = {"name": "main", "image": "example.org/pause:1", "readinessProbe": {"tcpSocket": {"port": 80}}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def delays(server: ApiServer, times: int) -> list[float]:
    """Seconds from the server's answer to the status that says ready, to the engine's return. No controller runs."""
    server.request("POST", "/api/v1/namespaces", {"metadata": {"name": "readiness"}})
    return [_delay(server, f"app-{turn}") for turn in range(times)]


def _delay(server: ApiServer, name: str) -> float:
    path = f"/apis/apps/v1/namespaces/readiness/deployments/{name}"
    client = _client.connect(_login.resolve({"kubeconfig": str(server.kubeconfig)}, {}))
    done: list[float] = []

    def become_ready() -> None:
        counts = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
        status = {"observedGeneration": 1, **counts}
        client.send("PATCH", path + "/status", {"status": status}, None, "application/merge-patch+json")
        done.append(time.monotonic())

    timer = threading.Timer(READY_AFTER, become_ready)
    timer.start()
    options = {"component": name, "namespace": "readiness", "kubeconfig": str(server.kubeconfig), "wait_timeout": 30}
    request = Request.of(options, [Manifest(deployment(name))], check_mode=False, diff=False)
    _engine.run(request, lambda _line: None, environ={})
    ended = time.monotonic()
    timer.join()
    return max(0.0, ended - done[0])
