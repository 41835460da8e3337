# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Wait for a whole set of objects at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    Client,
    Emit,
    Object,
    ObjectId,
    Status,
    Verdict,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import (
    CustomCondition,
    settles_at_once,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting import news
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.board import Board
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.examiner import ThreadedExaminer
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.progress import Progress
from ansible_collections.openhands.gpu_observability.plugins.module_utils._watch import Watches

Target = news.Target

FIRST_TICK, TICK = 0.02, 0.1
"""Seconds between two looks at what was read, before everything was read once and later: how late readiness is seen."""

FIRST_LOOK = 1.0
"""Seconds that an object may take to get ready before its children are looked at."""

LOOK_PAUSE = 2.0
"""Least seconds between two rounds of looking at children."""

LOOK_SHARE, LOOK_LONGEST = 10, 20.0
"""Such a pause is this many times as long as the last round, so that a thousand pods aren't listed all the time."""

LOOK_MOST = 50
"""Objects to a round: of a thousand that aren't ready, each has its turn."""

LISTS = 0.5
"""Seconds to wait for the first lists before watches begin: a set that is ready needs no watch."""

UNREAD = "not read in time"
"""The reason of an object that the server did not answer about."""

LAST_LOOK = 3.0
"""Seconds that explaining a failure may take, as far as the timeout leaves them."""

GRACE = 0.5
"""Seconds that the last reads and explanations may take beyond the timeout."""


@dataclass(frozen=True)
class Outcome:
    """How the wait for one object ended. seconds: how long after the start its status last changed."""

    id: ObjectId
    verdict: Verdict
    seconds: float


def wait_for(
    client: Client,
    targets: Sequence[Target],
    *,
    timeout: float,
    emit: Emit,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    conditions: Sequence[CustomCondition] = (),
    expect_absent: bool = False,
    secrets: Sequence[str] = (),
    feed: Optional[news.Feed] = None,
    examiner: Optional[news.Examiner] = None,
) -> List[Outcome]:
    """Wait until every target is current (or gone), one has failed for good, or the timeout (seconds) is over.

    A timeout of 0 takes one look. Never lasts longer than the timeout and one second, whatever the server does.
    secrets: values that no reason may show. Targets come back in their order, each with its verdict and cause.
    """
    if not targets:
        return []
    start = clock()
    board = Board(targets, start, conditions, expect_absent)
    waiter = _Waiter(
        board=board,
        feed=feed or Watches(client, targets, lambda one: not expect_absent and _rests(one, conditions)),
        examiner=examiner or ThreadedExaminer(client, targets, secrets),
        progress=Progress(emit, start, expect_absent),
        clock=clock,
        sleep=sleep,
    )
    waiter.wait(start, start + timeout)
    return [
        Outcome(entry.target.id, _named(entry.verdict), round(max(0.0, entry.since - start), 3))
        for entry in board.entries.values()
    ]


def _rests(collection: news.Collection, conditions: Sequence[CustomCondition]) -> bool:
    """Whether objects of this kind need no watching once they exist."""
    return settles_at_once(collection.resource.group, collection.resource.kind, conditions)


def _named(verdict: Verdict) -> Verdict:
    if verdict.reason or verdict.status is Status.CURRENT:
        return verdict
    return replace(verdict, reason=UNREAD)


@dataclass
class _Waiter:
    board: Board
    feed: news.Feed
    examiner: news.Examiner
    progress: Progress
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    asked: Optional[float] = None
    took: Optional[float] = None
    turn: int = 0

    def wait(self, start: float, deadline: float) -> None:
        """Run until the set is done, hopeless, or out of time."""
        try:
            self.feed.start()
            now = start
            while now < deadline:
                if self._step(now) or self.board.hopeless:
                    break
                if self.board.all_heard or now - start >= LISTS:
                    self.feed.follow()
                self._look(now, patient=now - start < FIRST_LOOK)
                self.progress.show(self.board, now)
                self.sleep(min(TICK if self.board.all_heard else FIRST_TICK, deadline - now))
                now = self.clock()
            self._last_look(self.clock(), deadline)
        finally:
            self.feed.stop()
            self.examiner.stop()

    def _step(self, now: float) -> bool:
        """Take in what is new; whether the set is done."""
        self.board.learn(self.feed.news(), now)
        self.board.hear(self.examiner.answers())
        self.board.judge(now)
        return not self.board.unfinished

    def _look(self, now: float, patient: bool) -> None:
        """Ask for a closer look at what isn't done, not too often."""
        if self.asked is not None and self.took is None and not self.examiner.busy:
            self.took = now - self.asked
        objects = self.board.undecided() if patient else self.board.puzzling()
        pause = max(LOOK_PAUSE, min(LOOK_LONGEST, LOOK_SHARE * (self.took or 0.0)))
        if not objects or (self.asked is not None and now - self.asked < pause and not self.board.undecided()):
            return
        if self.examiner.ask(self._some(objects)):
            self.asked, self.took = now, None
            self.turn += LOOK_MOST

    def _some(self, objects: Dict[ObjectId, Object]) -> Dict[ObjectId, Object]:
        """As many as a round takes, from where the last one ended."""
        if len(objects) <= LOOK_MOST:
            return objects
        start = self.turn % len(objects)
        chosen = (list(objects) * 2)[start : start + LOOK_MOST]
        return {one: objects[one] for one in chosen}

    def _last_look(self, now: float, deadline: float) -> None:
        """Read and explain what isn't done, as far as that is quick."""
        end, asked = max(now + GRACE, min(now + LAST_LOOK, deadline)), False
        while not self._step(now) and now < end:
            if not asked and self.board.all_heard and not self.examiner.busy:
                # What a round from before found may be past: its answers are taken in, and asked for again.
                self.board.hear(self.examiner.answers())
                self.board.look_afresh()
                questions = self.board.unexamined()
                asked = bool(questions) and self.examiner.ask(questions)
                if not asked:
                    return
            elif asked and not self.board.unexamined():
                return
            self.sleep(min(TICK, end - now))
            now = self.clock()
