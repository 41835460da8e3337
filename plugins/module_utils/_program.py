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
import tempfile
from dataclasses import dataclass
from typing import IO, Callable, Mapping, Optional, Sequence, Tuple

ENGLISH = {"LC_ALL": "C", "LANGUAGE": "C"}
UMASK = 0o022
"""Whatever the login's is: a key or a package list that only root can read keeps apt from reading it."""

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
    with _output() as out, _output() as err:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
            umask=UMASK,
        )
        timed_out = not _ended(process, timeout)
        if timed_out:
            end(process.pid, ending, lambda seconds: _ended(process, seconds))
        code = -signal.SIGKILL if process.returncode is None else process.returncode
        return Ended(code, _text(out), _text(err), timed_out)


def _output() -> IO[bytes]:
    """Where a program writes to: no pipe, as one that is broken would end the program too if we are killed.

    A package manager then goes on to its end. Nor does a daemon that it started keep us waiting for the pipe's end.
    """
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("output"), "w+b")
    return tempfile.TemporaryFile()


def _text(output: IO[bytes]) -> str:
    # Not read(): the place in the file is the program's too, and it may still write.
    size = os.fstat(output.fileno()).st_size
    return os.pread(output.fileno(), size, 0).decode("utf-8", "replace")


def _ended(process: subprocess.Popen[bytes], seconds: Optional[float]) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def end(group: int, ending: Ending, ended: Callable[[Optional[float]], bool]) -> None:
    """End a process group step by step; ``ended`` waits so many seconds and says whether its leader has ended."""
    for number, seconds in ending:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)
        if ended(seconds):
            return
