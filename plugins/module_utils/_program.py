# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Running programs: no shell, no questions, in English, for a bounded time, and ended together with their children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import Mapping, Optional, Sequence, Tuple

ENGLISH = {"LC_ALL": "C", "LANGUAGE": "C"}
FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Ending = Sequence[Tuple[int, Optional[float]]]
"""How a program that takes too long is ended: a signal, and the seconds that it then gets (None: all it needs)."""


@dataclass(frozen=True)
class Ended:
    """How a program ended: its status, or less than 0 where a signal ended it.

    ``timed_out`` for one that took too long; it may be there still, held by the kernel.
    """

    code: int
    out: str
    err: str
    timed_out: bool


def search_path(environment: Mapping[str, str]) -> str:
    """PATH, with the folders of system programs after it: a login that isn't root's often has none of them."""
    return "%s:%s" % (environment.get("PATH", ""), FOLDERS)


def run(argv: Sequence[str], environment: Mapping[str, str], timeout: float, ending: Ending, cwd: str = "/") -> Ended:
    """Run a program to its end, or until ``timeout`` seconds have passed. Raises OSError where it can't start."""
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=dict(environment),
        start_new_session=True,
    )
    timed_out = False
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        timed_out = True
        out, err = _end(process, ending)
    code = -signal.SIGKILL if process.returncode is None else process.returncode
    return Ended(code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), timed_out)


def _end(process: subprocess.Popen[bytes], ending: Ending) -> Tuple[bytes, bytes]:
    for number, seconds in ending:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=seconds)
    return b"", b""
