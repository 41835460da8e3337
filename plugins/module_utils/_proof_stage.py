# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The stations of an alert: a workload's settings, Prometheus, Alertmanager and a receiver, each asked over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Callable, FrozenSet, List, Mapping, Sequence, Set, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._alertmanager import with_labels
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._prometheus import (
    alerts_matching,
    matches,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import Transport, ask_any
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place, Unreachable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof import Hop, Seen

Labels = FrozenSet[Tuple[str, str]]
Select = Callable[[Any], Any]

_HINTS = {
    "quiet": "It is firing although its cause is away: look at the alert's expression in Prometheus.",
    "receiver": "Look at the receiver itself: it must say what was delivered to it.",
    "pending": "Look at the alert's expression in Prometheus: its series may be missing, or a threshold not passed.",
    "firing": "Look at the alert's 'for' and at its series in Prometheus: the condition may come and go.",
    "alertmanager": "Look at Prometheus' alerting settings and prometheus_notifications_errors_total.",
    "delivered": "Look at Alertmanager's routes, inhibitions, silences and alertmanager_notifications_failed_total.",
    "inactive": "The cause may still be there; look at the alert's expression in Prometheus.",
    "resolved": "Look at send_resolved of the receiver and at Alertmanager's group_interval.",
}


@dataclass(frozen=True)
class Site:
    """One server: its pods, and the path (with a prefix where it has one)."""

    place: Place
    path: str = ""


@dataclass(frozen=True)
class Scene:
    """All that the proof needs to know."""

    alertname: str
    labels: Mapping[str, str]
    prometheus: Site
    alertmanager: Site
    receiver: Site
    workload: Site
    trouble: Mapping[str, Any]
    calm: Mapping[str, Any]
    method: str = "PUT"
    deliveries: Select = field(default=lambda body: (body or {}).get("deliveries"))


class AlertStage:
    """Implements Stage over a transport."""

    def __init__(self, scene: Scene, transport: Transport) -> None:
        self._scene = scene
        self._transport = transport
        self._old: Set[str] = set()
        self._delivered: Set[Labels] = set()

    def calm(self) -> None:
        """Take the cause away."""
        self._settings(self._scene.calm)

    def trouble(self) -> None:
        """Bring the cause about."""
        self._settings(self._scene.trouble)

    def quiet(self) -> Sequence[Hop]:
        """Return what must hold before the start."""
        return [
            _hop("quiet", "not firing", self._is_quiet),
            _hop("receiver", "awaited at the receiver", self._is_awaited),
        ]

    def rising(self) -> Sequence[Hop]:
        """Return the stations on the way to the receiver."""
        return [
            _hop("pending", "pending in Prometheus", lambda: self._in_prometheus("pending", "firing")),
            _hop("firing", "firing in Prometheus", lambda: self._in_prometheus("firing")),
            _hop("alertmanager", "active in Alertmanager", self._in_alertmanager),
            _hop("delivered", "delivered to the receiver", self._is_delivered),
        ]

    def falling(self) -> Sequence[Hop]:
        """Return the stations of the alert's end."""
        return [
            _hop("inactive", "no longer firing in Prometheus", self._is_inactive),
            _hop("resolved", "delivered as resolved", self._is_resolved),
        ]

    def _settings(self, body: Mapping[str, Any]) -> None:
        site = self._scene.workload
        request = Request(
            self._scene.method, site.path, {"Content-Type": "application/json"}, json.dumps(dict(body)).encode()
        )
        # settings are state, not events: every pod gets them, and sending them twice is sending them once
        for pod in self._transport.pods(site.place):
            response = self._transport.ask(pod, request)
            if response.status >= 300:
                raise Unreachable(
                    "%s %s on %s answered HTTP %d: %s"
                    % (self._scene.method, site.path, pod, response.status, response.text.strip()[:200])
                )

    def _prometheus(self, *states: str) -> Mapping[str, List[Mapping[str, Any]]]:
        """Return the instances in these states by replica."""
        site, found = self._scene.prometheus, {}
        for pod in self._transport.pods(site.place):
            answer = self._transport.ask(pod, Request("GET", site.path + "/api/v1/alerts"))
            alerts = alerts_matching(answer.json(), self._scene.alertname, self._scene.labels)
            found[pod.pod] = [alert for alert in alerts if alert.get("state") in states]
        return found

    def _in_prometheus(self, *states: str) -> Seen:
        found = {pod: alerts for pod, alerts in self._prometheus(*states).items() if alerts}
        if not found:
            return Seen(False, "no replica of Prometheus has it %s" % " or ".join(states))
        pod, alerts = next(iter(found.items()))
        return Seen(True, "%d on %s, active since %s" % (len(alerts), pod, alerts[0].get("activeAt", "unknown")))

    def _is_inactive(self) -> Seen:
        firing = [pod for pod, alerts in self._prometheus("firing").items() if alerts]
        return Seen(not firing, "firing on %s" % ", ".join(firing) if firing else "on no replica")

    def _alertmanager(self) -> Mapping[str, int]:
        site, found = self._scene.alertmanager, {}
        for pod in self._transport.pods(site.place):
            answer = self._transport.ask(pod, Request("GET", site.path + "/api/v2/alerts"))
            found[pod.pod] = len(with_labels(answer.json(), self._scene.alertname, self._scene.labels))
        return found

    def _in_alertmanager(self) -> Seen:
        found = {pod: count for pod, count in self._alertmanager().items() if count}
        detail = ", ".join("%d on %s" % (count, pod) for pod, count in found.items())
        return Seen(bool(found), detail or "no replica of Alertmanager has it")

    def _is_quiet(self) -> Seen:
        active = [pod for pod, alerts in self._prometheus("pending", "firing").items() if alerts]
        active += [pod for pod, count in self._alertmanager().items() if count]
        return Seen(not active, "active on %s" % ", ".join(active) if active else "nowhere active")

    def _received(self) -> List[Mapping[str, Any]]:
        site = self._scene.receiver
        answer = ask_any(self._transport, site.place, Request("GET", site.path))
        found = self._scene.deliveries(answer.json())
        if not isinstance(found, list):
            raise Unreachable(
                "the receiver's answer to %s has no list of deliveries (HTTP %d)" % (site.path, answer.status)
            )
        return found

    def _new(self, status: str) -> Set[Labels]:
        """Return the label sets that were delivered with this status since the start."""
        fresh = [item for item in self._received() if _stamp(item) not in self._old]
        alerts = [alert for item in fresh for alert in item.get("alerts") or []]
        return {
            frozenset((str(key), str(value)) for key, value in alert["labels"].items())
            for alert in alerts
            if alert.get("status") == status and matches(alert, self._scene.alertname, self._scene.labels)
        }

    def _is_awaited(self) -> Seen:
        self._old = {_stamp(item) for item in self._received()}
        return Seen(True, "%d earlier deliveries don't count" % len(self._old))

    def _is_delivered(self) -> Seen:
        self._delivered = self._new("firing")
        if not self._delivered:
            return Seen(False, "the receiver has nothing new with status firing")
        return Seen(True, "%d alerts" % len(self._delivered))

    def _is_resolved(self) -> Seen:
        self._delivered |= self._new("firing")
        open_ones = self._delivered - self._new("resolved")
        return Seen(not open_ones, "%d of %d alerts" % (len(self._delivered) - len(open_ones), len(self._delivered)))


def _hop(name: str, words: str, look: Callable[[], Seen]) -> Hop:
    return Hop(name, words, look, _HINTS[name])


def _stamp(delivery: Any) -> str:
    return json.dumps(delivery, sort_keys=True)
