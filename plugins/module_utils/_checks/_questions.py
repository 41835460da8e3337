# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The questions that a Prometheus and an Alertmanager are asked, made from what a task expects."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass, field
from typing import List, Mapping, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks import _alertmanager, _prometheus
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._ask import Question
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._prometheus import Job
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._result import Check
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._rule_objects import Rule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Response


@dataclass(frozen=True)
class PrometheusExpectations:
    """What must hold on every Prometheus replica. ``series`` maps a name to a PromQL expression."""

    jobs: Sequence[Job] = ()
    may_be_down: Sequence[str] = ()
    only_named: bool = False
    rules: Sequence[Rule] = ()
    alerts: Sequence[str] = ()
    series: Mapping[str, str] = field(default_factory=dict)
    alertmanagers: int = 0
    version: str = ""


@dataclass(frozen=True)
class AlertmanagerExpectations:
    """What must hold on every Alertmanager replica. An empty heartbeat is not looked for."""

    peers: int = 1
    receivers: Sequence[str] = ()
    heartbeat: str = "Watchdog"
    version: str = ""


def ready(response: Response) -> List[Check]:
    """Judge /-/ready."""
    detail = "answers" if response.status == 200 else "HTTP %d: %s" % (response.status, response.text.strip()[:200])
    return [Check("ready", response.status == 200, detail)]


def of_prometheus(wanted: PrometheusExpectations) -> List[Question]:
    """Ask for targets, rules, Alertmanagers and series; about the server itself unless only what is named counts."""
    itself = [
        Question("ready", "/-/ready", ready),
        Question("version", "/api/v1/status/buildinfo", lambda r: [_prometheus.version(r.json(), wanted.version)]),
        Question("configuration reload", "/api/v1/status/runtimeinfo", lambda r: [_prometheus.reload(r.json())]),
    ]
    questions = [
        Question(
            "targets",
            "/api/v1/targets?state=active",
            lambda r: _prometheus.targets(r.json(), wanted.jobs, wanted.may_be_down, wanted.only_named),
        ),
        Question(
            "rules",
            "/api/v1/rules",
            lambda r: _prometheus.rules(r.json(), wanted.rules, wanted.alerts, wanted.only_named),
        ),
    ]
    if wanted.alertmanagers:
        questions.append(
            Question(
                "alertmanagers discovered",
                "/api/v1/alertmanagers",
                lambda r: [_prometheus.alertmanagers(r.json(), wanted.alertmanagers)],
            )
        )
    return ([] if wanted.only_named else itself) + questions + [_series(item) for item in sorted(wanted.series.items())]


def _series(item: Tuple[str, str]) -> Question:
    name, expression = item
    return Question(
        "series %s" % name,
        "/api/v1/query?%s" % urllib.parse.urlencode({"query": expression}),
        lambda r: [_prometheus.series(r.json(), name)],
    )


def of_alertmanager(wanted: AlertmanagerExpectations) -> List[Question]:
    """Ask for readiness, version, cluster, receivers and the heartbeat alert."""
    questions = [
        Question("ready", "/-/ready", ready),
        Question(
            "cluster",
            "/api/v2/status",
            lambda r: [_alertmanager.version(r.json(), wanted.version), _alertmanager.cluster(r.json(), wanted.peers)],
        ),
        Question("receivers", "/api/v2/receivers", lambda r: [_alertmanager.receivers(r.json(), wanted.receivers)]),
    ]
    if wanted.heartbeat:
        questions.append(
            Question(
                "alert %s" % wanted.heartbeat,
                "/api/v2/alerts?active=true",
                lambda r: [_alertmanager.heartbeat(r.json(), wanted.heartbeat)],
            )
        )
    return questions
