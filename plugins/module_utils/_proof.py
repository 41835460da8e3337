# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The proof that an alert reaches a receiver, and that its end does: one hop after the other, each with its time."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Optional, Protocol, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Unreachable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Emit

REMIND_SECONDS = 15.0


@dataclass(frozen=True)
class Seen:
    """What one look at one hop showed."""

    there: bool
    detail: str


@dataclass(frozen=True)
class Hop:
    """One station on the way.

    ``name`` is for programs; ``words`` completes "the alert is ...". ``hint`` says where to look when it isn't.
    """

    name: str
    words: str
    look: Callable[[], Seen]
    hint: str


@dataclass(frozen=True)
class Passed:
    """A hop that was reached: when (UTC), how long after its phase and after the hop before it began (seconds)."""

    phase: str
    name: str
    at: str
    seconds: float
    since_previous: float
    detail: str


@dataclass
class Proof:
    """What was shown."""

    ok: bool = False
    hops: List[Passed] = field(default_factory=list)
    missing: str = ""
    reason: str = ""
    restored: bool = False
    seconds: float = 0.0

    def as_dict(self) -> Dict[str, Any]:
        """Return plain data for a task's result."""
        return asdict(self)


class Stage(Protocol):
    """The alert's cause and its stations."""

    def calm(self) -> None:
        """Take the cause away. Raises Unreachable."""

    def trouble(self) -> None:
        """Bring the cause about. Raises Unreachable."""

    def quiet(self) -> Sequence[Hop]:
        """Return what must hold before the start: nothing is firing from an earlier run."""

    def rising(self) -> Sequence[Hop]:
        """Return the stations on the way to the receiver."""

    def falling(self) -> Sequence[Hop]:
        """Return the stations of the alert's end."""


@dataclass(frozen=True)
class Pace:
    """Timeout of each phase and pause between two looks, in seconds; clocks are passed in by tests."""

    timeout: float = 600.0
    interval: float = 2.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time


def prove(stage: Stage, subject: str, pace: Pace, emit: Emit) -> Proof:
    """Bring an alert about and take it away again, following it both times.

    The cause is taken away whatever happens, an interrupt included. A hop that isn't reached is a result, not an
    exception; only what comes from outside (an interrupt) passes through.
    """
    proof = Proof()
    start = pace.clock()
    disturbed = False
    try:
        _step(stage.calm)
        _follow("calm", subject, stage.quiet(), pace=pace, emit=emit, passed=[])
        disturbed = True
        emit("%s: bringing it about" % subject)
        _step(stage.trouble)
        _follow("raised", subject, stage.rising(), pace=pace, emit=emit, passed=proof.hops)
        emit("%s: taking its cause away" % subject)
        _step(stage.calm)
        proof.restored, disturbed = True, False
        _follow("lowered", subject, stage.falling(), pace=pace, emit=emit, passed=proof.hops)
        proof.ok = True
    except _Stuck as stuck:
        proof.missing, proof.reason = stuck.hop, str(stuck)
    finally:
        if disturbed:
            proof.restored = _restore(stage, subject, emit)
            if not proof.restored:
                proof.reason += " The workload could not be set back: do it by hand."
        proof.seconds = round(pace.clock() - start, 1)
    return proof


class _Stuck(Exception):
    def __init__(self, hop: str, message: str) -> None:
        super().__init__(message)
        self.hop = hop


def _step(act: Callable[[], None]) -> None:
    try:
        act()
    except Unreachable as error:
        raise _Stuck("workload", "The workload's settings could not be changed: %s." % error) from error


def _restore(stage: Stage, subject: str, emit: Emit) -> bool:
    for _attempt in range(3):
        try:
            stage.calm()
        except Unreachable as error:
            emit("%s: the workload could not be set back: %s" % (subject, error))
        else:
            emit("%s: the workload is set back" % subject)
            return True
    return False


def _follow(phase: str, subject: str, hops: Sequence[Hop], *, pace: Pace, emit: Emit, passed: List[Passed]) -> None:
    start = previous = pace.clock()
    for hop in hops:
        seen, when = _await(hop, subject, start, pace, emit)
        total, step = when - start, when - previous
        previous = when
        emit("%s: %s after %.1f s (%s)" % (subject, hop.words, total, seen.detail))
        at = datetime.fromtimestamp(pace.now(), timezone.utc).isoformat(timespec="milliseconds")
        passed.append(Passed(phase, hop.name, at, round(total, 1), round(step, 1), seen.detail))


def _await(hop: Hop, subject: str, start: float, pace: Pace, emit: Emit) -> Tuple[Seen, float]:
    reminded: Optional[float] = None
    while True:
        seen = _look(hop)
        moment = pace.clock()
        if seen.there:
            return seen, moment
        waited = moment - start
        if waited >= pace.timeout:
            raise _Stuck(
                hop.name,
                "%s was not %s within %g s (%s). %s" % (subject, hop.words, pace.timeout, seen.detail, hop.hint),
            )
        if reminded is None or moment - reminded >= REMIND_SECONDS:
            reminded = moment
            emit("%s: waiting until it is %s, %.0f s (%s)" % (subject, hop.words, waited, seen.detail))
        pace.sleep(min(pace.interval, pace.timeout - waited))


def _look(hop: Hop) -> Seen:
    try:
        return hop.look()
    except Unreachable as error:
        if error.fatal:
            raise _Stuck(hop.name, "%s. %s" % (error, hop.hint)) from error
        return Seen(False, str(error))
    except ValueError as error:
        return Seen(False, str(error))
