# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pod holds which GPU, asked of a real kubelet."""

from __future__ import annotations

import json
import os
import re
import ssl
import urllib.request
from pathlib import Path

import grpc
from wire import held

POD_RESOURCES = "unix:///var/lib/kubelet/pod-resources/kubelet.sock"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Holders:
    """Asks the kubelet which pod holds which GPU, and the API server for the wanted labels of those pods."""

    def __init__(self, wanted: list[str]) -> None:
        self._wanted = [re.compile(pattern) for pattern in wanted]
        self._list = grpc.insecure_channel(POD_RESOURCES).unary_unary("/v1.PodResourcesLister/List")
        self._kept: dict[tuple[str, str], dict[str, str]] = {}

    def look(self) -> dict[str, dict[str, str]]:
        """Labels of the pod by the GPU's UUID."""
        found = held(self._list(b"", timeout=5))
        return {uuid: {**who, **self._labels(who["namespace"], who["pod"])} for uuid, who in found.items()}

    def _labels(self, namespace: str, pod: str) -> dict[str, str]:
        if not self._wanted:
            return {}
        if (namespace, pod) not in self._kept:
            path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
            labels = self._ask(path)["metadata"].get("labels") or {}
            self._kept[namespace, pod] = {
                re.sub(r"\W", "_", key): value
                for key, value in labels.items()
                if any(pattern.search(key) for pattern in self._wanted)
            }
        return self._kept[namespace, pod]

    def _ask(self, path: str) -> dict[str, dict[str, dict[str, str]]]:
        """With the pod's own account, which the role gives the right to read pods."""
        server = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
        token = (ACCOUNT / "token").read_text(encoding="utf-8")
        request = urllib.request.Request(server + path, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
        context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:  # noqa: S310 - our own address
            return dict(json.load(answer))
