# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that answer HTTP without a network, and a clock that only moves when somebody sleeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request, Response
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place, PodPort, Unreachable

Answer = Callable[[Request], Any]


class FakeClock:
    """Passed in as clock and sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.on_sleep: list[Callable[[], None]] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for act in self.on_sleep:
            act()


class FakePods:
    """A transport: pod name to a function from request to Response, to an Unreachable, or to decoded JSON."""

    def __init__(self, **pods: Answer) -> None:
        self.answers = {name.replace("_", "-"): answer for name, answer in pods.items()}
        self.places: dict[str, list[str]] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.missing: Unreachable | None = None
        self.client: Any = None

    def pods(self, place: Place) -> list[PodPort]:
        if self.missing is not None:
            raise self.missing
        names = self.places.get(place.service, sorted(self.answers))
        return [PodPort(place.namespace, name, 80) for name in names]

    def ask(self, pod: PodPort, request: Request, tls: object = None) -> Response:
        self.asked.append((pod.pod, request.method, request.path))
        answer = self.answers[pod.pod](request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Response):
            return answer
        return Response(200, _encoded(answer))


def _encoded(answer: Any) -> bytes:
    return json.dumps(answer).encode()
