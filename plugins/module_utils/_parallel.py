# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The same call for many items, a few at a time."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import Callable, List, Optional, Sequence, Tuple, TypeVar

WORKERS = 8

T = TypeVar("T")
R = TypeVar("R")


def each(call: Callable[[T], R], items: Sequence[T], workers: int = WORKERS) -> List[R]:
    """Return ``call(item)`` for every item, in order. The first exception is raised once all have ended."""
    if len(items) <= 1 or workers <= 1:
        return [call(item) for item in items]
    waiting: SimpleQueue[int] = SimpleQueue()
    for index in range(len(items)):
        waiting.put(index)
    done: List[Optional[Tuple[R]]] = [None] * len(items)
    errors: List[BaseException] = []

    def work() -> None:
        while not errors:
            try:
                index = waiting.get_nowait()
            except Empty:
                return
            try:
                done[index] = (call(items[index]),)
            except BaseException as exc:  # noqa: BLE001 (raised again by the caller's thread)
                errors.append(exc)

    # Daemon threads: an interrupt ends the process at once and a rerun picks up what was left.
    threads = [threading.Thread(target=work, daemon=True) for _number in range(min(workers, len(items)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [slot[0] for slot in done if slot is not None]
