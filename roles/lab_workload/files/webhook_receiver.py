# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the notifications Alertmanager posts, so that a test can ask what arrived.

POST /alerts, GET /received?alertname=X, DELETE /received.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from labhttp import BadRequest, Reply, Request, Routes, healthy, serve

KEPT_PER_ALERT = 50
KEPT_ALERTS = 200


def alert_names(alerts: list[Any]) -> list[str]:
    """The distinct alert names of a notification, in order."""
    names = [str(alert.get("labels", {}).get("alertname", "")) for alert in alerts]
    return list(dict.fromkeys(names))


class Receiver:
    """Deliveries by alert name. Bounded twice, so that a heartbeat can't push out the alert one waits for."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, deque[dict[str, Any]]] = OrderedDict()

    def deliver(self, request: Request) -> Reply:
        """POST /alerts: an Alertmanager webhook payload."""
        body = request.body
        alerts = body.get("alerts") if isinstance(body, dict) else None
        if not isinstance(alerts, list) or not all(isinstance(alert, dict) for alert in alerts):
            raise BadRequest("this is not an Alertmanager webhook payload: no list of alerts")
        delivery = {
            "at": self._clock(),
            "receiver": body.get("receiver", ""),
            "status": body.get("status", ""),
            "alerts": alerts,
        }
        with self._lock:
            for name in alert_names(alerts):
                self._kept.setdefault(name, deque(maxlen=KEPT_PER_ALERT)).append(delivery)
                self._kept.move_to_end(name)
            while len(self._kept) > KEPT_ALERTS:
                self._kept.popitem(last=False)
        return Reply({"kept": len(alerts)})

    def received(self, request: Request) -> Reply:
        """GET /received: all deliveries, oldest first, or those that carry one alert name."""
        wanted = request.query.get("alertname")
        with self._lock:
            if wanted is not None:
                found = list(self._kept.get(wanted, ()))
            else:
                # one delivery may carry several names: it is the same dict, so its identity tells
                unique = {id(item): item for items in self._kept.values() for item in items}
                found = list(unique.values())
        return Reply({"deliveries": sorted(found, key=lambda item: item["at"])})

    def forget(self, _request: Request) -> Reply:
        """DELETE /received."""
        with self._lock:
            self._kept.clear()
        return Reply({"deliveries": []})

    def routes(self) -> Routes:
        """What is served where."""
        return {
            ("POST", "/alerts"): self.deliver,
            ("GET", "/received"): self.received,
            ("DELETE", "/received"): self.forget,
            ("GET", "/healthz"): healthy,
        }


if __name__ == "__main__":
    serve(Receiver().routes(), int(os.environ.get("PORT", "8080")))
