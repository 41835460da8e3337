# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Turn an interrupt into an exception, so that what was changed is set back before the process goes."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import Any, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asks this process to end. Not an Exception: nothing on the way may swallow it."""

    def __init__(self, number: int) -> None:
        super().__init__("interrupted by signal %d" % number)
        self.number = number


@contextmanager
def interruptible() -> Iterator[None]:
    """Within, the first signal raises Interrupted and further ones are ignored; after it, the signal is delivered.

    Whoever handled the signal before handles it then, once every ``finally`` inside has run.
    """

    def interrupt(number: int, _frame: Any) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    # What is ignored stays ignored: nohup means it.
    before = {each: signal.signal(each, interrupt) for each in SIGNALS if signal.getsignal(each) != signal.SIG_IGN}
    pending = 0
    try:
        yield
    except Interrupted as interrupted:
        pending = interrupted.number
        raise
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        if pending:
            os.kill(os.getpid(), pending)
