# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Ask every replica of a server the same questions until all answers are good or the time is over."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._result import Check, merge, timed
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import Tls, Transport
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request, Response
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place, Unreachable

Judge = Callable[[Response], List[Check]]


@dataclass(frozen=True)
class Question:
    """A path and what to make of its answer. ``name`` is the check's where nothing can be made of it."""

    name: str
    path: str
    judge: Judge


@dataclass(frozen=True)
class Server:
    """The replicas to ask: where they are, how many there must be, the path their API starts with."""

    place: Place
    replicas: int = 0
    prefix: str = ""
    tls: Optional[Tls] = None


@dataclass
class Report:
    """The last answers."""

    checks: List[Check] = field(default_factory=list)
    pods: List[str] = field(default_factory=list)
    attempts: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything asked holds."""
        return bool(self.checks) and all(check.ok for check in self.checks)


def ask_until_good(
    transport: Transport,
    server: Server,
    questions: Callable[[], Sequence[Question]],
    *,
    timeout: float,
    interval: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Make and ask the questions again until all hold; after ``timeout`` seconds the last answers stand."""
    start = clock()
    report = Report()
    while True:
        before = {check.name: check for check in report.checks}
        report.attempts += 1
        fatal = False
        try:
            report.pods, checks = _round(transport, server, questions())
        except Unreachable as error:
            checks, fatal = [Check("replicas", False, str(error))], error.fatal
        elapsed = clock() - start
        report.checks = timed(checks, before, elapsed)
        left = timeout - elapsed
        if report.ok or fatal or left <= 0:
            return report
        sleep(min(interval, left))


def _round(transport: Transport, server: Server, questions: Sequence[Question]) -> tuple[List[str], List[Check]]:
    pods = transport.pods(server.place)
    names = [pod.pod for pod in pods]
    enough = len(pods) >= max(server.replicas, 1)
    count = Check("replicas", enough, "%d of %d ready" % (len(pods), max(server.replicas, 1)))
    answers: Dict[str, List[Check]] = {}
    for pod in pods:
        answers[pod.pod] = []
        for question in questions:
            try:
                response = transport.ask(pod, Request("GET", server.prefix + question.path), server.tls)
                answers[pod.pod] += judged(question, response)
            except Unreachable as error:
                if error.fatal:
                    raise
                answers[pod.pod].append(Check(question.name, False, str(error)))
    return names, [count] + merge(answers)


def judged(question: Question, response: Response) -> List[Check]:
    """Judge a response; one that can't be judged is a check that doesn't hold, with the server's words."""
    try:
        return question.judge(response)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        detail = str(error) or type(error).__name__
        if response.status != 200:
            detail = "HTTP %d: %s" % (response.status, response.text.strip()[:200] or detail)
        return [Check(question.name, False, detail)]
