# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Lines for the person who watches: when something changed, and not too many."""

from __future__ import annotations

from typing import List

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Emit, Status
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.board import Board, Entry

FIRST = 1.0
"""Seconds of quiet: what is ready by then needs no line."""

GAP = 5.0
"""Least seconds between two lines."""

HEARTBEAT = 30.0
"""Seconds after which a line is repeated though nothing changed."""

URGENCY = (Status.FAILED, Status.IN_PROGRESS, Status.NOT_FOUND, Status.TERMINATING, Status.CURRENT)


class Progress:
    """Emits what a board shows. Times are of the waiter's clock, in seconds."""

    def __init__(self, emit: Emit, start: float, expect_absent: bool = False) -> None:
        self._emit = emit
        self._start = start
        self._last = start + FIRST - GAP
        self._said = ""
        self._goal = "gone" if expect_absent else "current"

    def show(self, board: Board, now: float) -> None:
        """Emit a line if it is time for one."""
        quiet = now - self._last
        if quiet < GAP:
            return
        line = self._line(board)
        if line == self._said and quiet < HEARTBEAT:
            return
        self._emit("%s (%d s)" % (line, now - self._start))
        self._said, self._last = line, now

    def _line(self, board: Board) -> str:
        unfinished = sorted(board.unfinished, key=_urgency)
        count = len(board.entries)
        head = "%d of %d %s" % (count - len(unfinished), count, self._goal)
        if not unfinished:
            return head
        first = unfinished[0]
        more = " (and %d more)" % (len(unfinished) - 1) if len(unfinished) > 1 else ""
        reason = first.verdict.reason or first.verdict.status.value
        return "%s; waiting for %s: %s%s" % (head, first.target.id, reason, more)


def _urgency(entry: Entry) -> List[int]:
    return [URGENCY.index(entry.verdict.status), 0 if entry.insight.cause else 1]
