# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether anybody still waits for this run: a run whose Ansible was killed must not go on writing."""

from __future__ import annotations

import errno
import os
import select
import signal
import threading
from contextlib import contextmanager
from typing import Callable, Iterator

Alive = Callable[[], bool]
"""Whether whoever started this run is still there. Cheap, and safe to call from any thread."""


def parent() -> Alive:
    """Alive as long as the process that started this one is: the way to know in a worker of Ansible's."""
    first = os.getppid()
    return lambda: os.getppid() == first


def reader(descriptor: int) -> Alive:
    """Alive as long as somebody reads what is written to a descriptor: the way to know in a module.

    Each call writes an empty line, which Ansible skips before a module's answer: an ssh client whose Ansible was killed
    notices only when it has something to pass on.
    """
    alive_parent = parent()

    def alive() -> bool:
        if not alive_parent():
            return False
        poller = select.poll()
        poller.register(descriptor, select.POLLOUT)
        for _descriptor, event in poller.poll(0):
            if event & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                return False
            if event & select.POLLOUT:
                return _probe(descriptor)
        return True  # a full pipe: nobody reads just now, but somebody could

    return alive


def _probe(descriptor: int) -> bool:
    try:
        os.write(descriptor, b"\n")
    except OSError as error:
        return error.errno not in (errno.EPIPE, errno.EBADF, errno.EIO)
    return True


@contextmanager
def ends_with_parent(alive: Alive, pause: float = 1.0) -> Iterator[None]:
    """Within, this process ends itself (SIGTERM) soon after it was left alone, and with it what waits for its reading.

    pause: seconds between two looks.
    """
    over = threading.Event()

    def look() -> None:
        while not over.wait(pause):
            if not alive():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=look, name="orphan", daemon=True).start()
    try:
        yield
    finally:
        over.set()
