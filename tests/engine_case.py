# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short ways to run the engine against the server in memory."""

from __future__ import annotations

from typing import Any

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _engine
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import load
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from fake_server import FakeServer

HOME = "/api/v1/namespaces/here/"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: one}\n"


class Ticker:
    """Time that passes only by sleeping, and a little at every look."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        self.time += 0.001
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def request(text: str, **options: Any) -> Request:
    settings = {"component": "demo", "namespace": "here", "wait": False, **options}
    check, diff = settings.pop("check_mode", False), settings.pop("diff", False)
    return Request.of(settings, load(text, "t.yaml"), check, diff)


def rollout(server: FakeServer, text: str, lines: list[str] | None = None, **options: Any) -> dict[str, Any]:
    ticker = Ticker()
    said = lines if lines is not None else []
    return _engine.run(request(text, **options), said.append, client=server, now=ticker.now, sleep=ticker.sleep)


def changes(result: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["change"] for entry in result["objects"]}
