# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anybody still waits for a run."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _orphan


def test_a_process_whose_parent_is_there_is_no_orphan(monkeypatch):
    alive = _orphan.parent()
    assert alive()
    monkeypatch.setattr(os, "getppid", lambda: 1)
    assert not alive()


def test_somebody_reads_until_the_reading_end_is_closed():
    reading, writing = os.pipe()
    alive = _orphan.reader(writing)
    assert alive()
    assert alive()
    assert os.read(reading, 10) == b"\n\n", (
        "an ssh client notices its dead Ansible only when there is something to pass"
    )
    os.close(reading)
    assert not alive()
    os.close(writing)
    assert not alive()


def test_a_pipe_that_is_full_is_still_read():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, b"x" * 65536):
            pass
    assert _orphan.reader(writing)()
    os.close(reading)
    os.close(writing)


def test_an_orphan_ends_itself():
    ended = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: ended.set())
    try:
        with _orphan.ends_with_parent(lambda: True, pause=0.001):
            assert not ended.wait(0.02)
        with _orphan.ends_with_parent(lambda: False, pause=0.001):
            assert ended.wait(5)
    finally:
        signal.signal(signal.SIGTERM, before)
