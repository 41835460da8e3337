# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends inferences to the lab's model server at a steady rate, a settable share of them failing.

GET /settings shows, PUT /settings {"error_rate": 0.5, "rate": 10, "delay": 1} changes, GET /sent counts answers.
"""

from __future__ import annotations

import json
import math
import os
import random
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from labhttp import BadRequest, Reply, Request, Routes, healthy, serve

MAX_RATE = 200.0
MAX_DELAY = 10.0
Send = Callable[[str, bool, float], int]


@dataclass(frozen=True)
class Settings:
    """What is sent.

    Attributes:
        error_rate: Share of requests told to fail, 0 to 1.
        rate: Requests per second, 0 to MAX_RATE. Requests go out one after the other: slow answers lower it.
        delay: Seconds each answer is told to take longer, 0 to MAX_DELAY.
    """

    error_rate: float = 0.0
    rate: float = 10.0
    delay: float = 0.0


LIMITS = {"error_rate": 1.0, "rate": MAX_RATE, "delay": MAX_DELAY}


def changed(settings: Settings, body: Any) -> Settings:
    """New settings from a PUT body; raises BadRequest naming the field that is wrong."""
    if not isinstance(body, dict) or not body:
        raise BadRequest('send {"error_rate": 0.5, "rate": 10} or one of them')
    unknown = sorted(set(body) - set(LIMITS))
    if unknown:
        raise BadRequest(f"unknown setting {unknown[0]!r}; known: {sorted(LIMITS)}")
    for name, value in body.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not 0 <= value <= LIMITS[name]:
            raise BadRequest(f"{name} must be a number from 0 to {LIMITS[name]:g}")
    return replace(settings, **{name: float(value) for name, value in body.items()})


class LoadGenerator:
    """Decides what to send and when. Sending, clock and sleep are passed in."""

    def __init__(
        self,
        models: Sequence[str],
        send: Send,
        settings: Settings | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.sent: Counter[str] = Counter()
        self._models = tuple(models)
        self._send = send
        self._chance = chance or random.Random()  # noqa: S311 - no secret hangs on it
        self._turn = 0

    def step(self) -> float:
        """Send one request to the next model in turn and return the pause before the next one, in seconds."""
        settings = self.settings
        if settings.rate <= 0:
            return 0.5
        model = self._models[self._turn % len(self._models)]
        self._turn += 1
        fail = self._chance.random() < settings.error_rate
        self.sent[str(self._send(model, fail, settings.delay))] += 1
        return 1.0 / settings.rate

    def run(self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        """For ever: keep the pace, without catching up in a burst after a slow answer."""
        due = clock()
        while True:
            due = max(due + self.step(), clock())
            sleep(max(0.0, due - clock()))

    def show(self, _request: Request) -> Reply:
        """GET /settings."""
        return Reply(asdict(self.settings))

    def change(self, request: Request) -> Reply:
        """PUT /settings."""
        self.settings = changed(self.settings, request.body)
        return Reply(asdict(self.settings))

    def counts(self, _request: Request) -> Reply:
        """GET /sent: answers by HTTP status; 0 is no answer at all."""
        return Reply(dict(self.sent))

    def routes(self) -> Routes:
        """What is served where."""
        return {
            ("GET", "/settings"): self.show,
            ("PUT", "/settings"): self.change,
            ("GET", "/sent"): self.counts,
            ("GET", "/healthz"): healthy,
        }


def http_sender(url: str, timeout: float = 2 * MAX_DELAY) -> Send:
    """A Send that posts to the model server and returns the HTTP status, 0 when nothing answered."""

    def send(model: str, fail: bool, delay: float) -> int:
        body = json.dumps({"model": model, "fail": fail, "delay": delay}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - our own address
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    return send


def main() -> None:
    """Run the generator beside its settings server."""
    generator = LoadGenerator(
        models=os.environ["MODELS"].split(","),
        send=http_sender(os.environ["TARGET_URL"]),
        settings=Settings(rate=float(os.environ.get("RATE", "10"))),
    )
    threading.Thread(target=generator.run, daemon=True).start()
    serve(generator.routes(), int(os.environ.get("PORT", "8080")))


if __name__ == "__main__":
    main()
