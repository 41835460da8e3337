# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Waiting for the locks of a package manager for a bounded time, and naming who holds them."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from contextlib import contextmanager
from typing import Callable, Iterator, List, Optional, Sequence, TextIO

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _proc
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import PackageError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._run import masked

APT_LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)
RPM_LOCKS = ("/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock")
DNF_PID_FILES = (
    "/var/cache/dnf/metadata_lock.pid",
    "/var/cache/dnf/download_lock.pid",
    "/var/lib/dnf/rpmdb_lock.pid",
)
_FLOCK = "hhqqi"
"""struct flock of 64-bit Linux: type, whence, start, length, pid (fcntl(2))."""
PAUSE = 2.0


def holder_of(path: str) -> Optional[int]:
    """Process that holds a record lock on a file: its id, 0 where it can't be seen, None where nobody does."""
    try:
        with open(path, "rb") as handle:
            answer = fcntl.fcntl(handle, fcntl.F_GETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except OSError:
        return None
    kind, _whence, _start, _length, pid = struct.unpack(_FLOCK, answer)
    return None if kind == fcntl.F_UNLCK else max(pid, 0)


def pid_in(path: str, proc: str = _proc.ROOT) -> Optional[int]:
    """Process that a pid file of dnf names, if it lives."""
    try:
        with open(path, encoding="utf-8") as handle:
            pid = int(handle.read().strip())
    except (OSError, ValueError):
        return None
    return pid if os.path.isdir("%s/%d" % (proc, pid)) else None


def command_of(pid: int, proc: str = _proc.ROOT) -> str:
    """A process as a person would name it."""
    if not pid:
        return "a process of another container"
    # The first words say which program; what follows may be long, or nobody's business.
    said = " ".join(" ".join(_proc.words(pid, proc)[:3]).split())[:80]
    return "process %d (%s)" % (pid, masked(said) or "gone meanwhile")


def busy(locks: Sequence[str], pid_files: Sequence[str]) -> List[str]:
    """Which locks are held, and by whom, one line each."""
    held = [(path, holder_of(path)) for path in locks] + [(path, pid_in(path)) for path in pid_files]
    return ["%s is held by %s" % (path, command_of(pid)) for path, pid in held if pid is not None]


@contextmanager
def exclusive(path: str, timeout: float) -> Iterator[None]:
    """Keep a second run on this host out. Raises PackageError that names it once ``timeout`` seconds have passed."""
    with open(path, "a", encoding="utf-8") as handle:
        wait(lambda: _taken(handle, path), timeout)
        yield


def _taken(handle: TextIO, path: str) -> List[str]:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return busy([path], []) or ["%s is held" % path]
    return []


def wait(
    look: Callable[[], List[str]],
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> float:
    """Wait until nothing is held; answers how many seconds that took.

    Raises PackageError that names the holder once ``timeout`` seconds have passed.
    """
    start = clock()
    while True:
        lines = look()
        waited = clock() - start
        if not lines:
            return waited
        if waited >= timeout:
            raise PackageError(
                "Waited %d s for another package manager. %s. Let it finish, or raise nvidia_driver_timeouts.lock."
                % (timeout, "; ".join(lines))
            )
        sleep(min(PAUSE, timeout - waited))
