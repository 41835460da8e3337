# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Processes that outlive Ansible: who they are, whether they still run, and how to stop them."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _proc
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._files import (
    read_or_none,
    write_atomically,
)

MARKER = "GPU_OBSERVABILITY_LAB"
"""Environment variable that every process of a lab carries; its value is the state folder."""

DEAD_STATES = ("Z", "X")
LOG_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True)
class Record:
    """What a pid file holds: enough to tell our process from a later one with the same number."""

    pid: int
    started: int
    """Start time in clock ticks since boot, field 22 of /proc/PID/stat."""
    boot: str
    digest: str
    """Of everything that makes the process what it is; another digest means restart."""

    def to_bytes(self) -> bytes:
        return (json.dumps(asdict(self), sort_keys=True) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: Optional[bytes]) -> Optional[Record]:
        """Decode a pid file; a missing, torn or foreign one is None."""
        try:
            fields = json.loads(content or b"")
            return cls(
                pid=int(fields["pid"]),
                started=int(fields["started"]),
                boot=str(fields["boot"]),
                digest=str(fields["digest"]),
            )
        except (ValueError, KeyError, TypeError):
            return None


class ProcFs:
    """Reads /proc (or a copy of it in tests)."""

    def __init__(self, root: str = "/proc") -> None:
        self.root = root

    def boot(self) -> str:
        """The id of this boot."""
        content = read_or_none(os.path.join(self.root, "sys/kernel/random/boot_id")) or b""
        return content.decode().strip()

    def pids(self) -> List[int]:
        return sorted(int(name) for name in os.listdir(self.root) if name.isdigit())

    def stat(self, pid: int) -> Optional[Tuple[str, int]]:
        """State letter and start time of ``pid``; None when there is no such process."""
        found = _proc.process(pid, self.root)
        return (found.state, found.began) if found else None

    def environ(self, pid: int) -> Dict[str, str]:
        pairs = (item.partition(b"=") for item in (self._read(pid, "environ") or b"").split(b"\0") if item)
        return {key.decode(errors="replace"): value.decode(errors="replace") for key, _equals, value in pairs}

    def cmdline(self, pid: int) -> List[str]:
        return _proc.words(pid, self.root)

    def namespace(self, pid: int, kind: str) -> str:
        """Identity of a namespace of ``pid``, empty when it can't be read."""
        try:
            return os.readlink(os.path.join(self.root, str(pid), "ns", kind))
        except OSError:
            return ""

    def _read(self, pid: int, name: str) -> Optional[bytes]:
        try:
            return read_or_none(os.path.join(self.root, str(pid), name))
        except (ProcessLookupError, PermissionError):
            return None


def alive(record: Optional[Record], proc: ProcFs) -> bool:
    """Whether the recorded process still runs: same boot, same number, same start."""
    if record is None or record.boot != proc.boot():
        return False
    stat = proc.stat(record.pid)
    return stat is not None and stat[0] not in DEAD_STATES and stat[1] == record.started


def members(state_dir: str, proc: ProcFs) -> List[int]:
    """Every process that carries the marker of the lab in ``state_dir``, recorded or not."""
    found = []
    for pid in proc.pids():
        stat = proc.stat(pid)
        if stat and stat[0] not in DEAD_STATES and proc.environ(pid).get(MARKER) == state_dir:
            found.append(pid)
    return found


def digest(argv: Sequence[str], environment: Mapping[str, str], files: Iterable[str]) -> str:
    """What a process is made of: its command line, environment, program and the content of its files.

    A program counts by its resolved path, size and time rather than by its content: it may hold 100 MB.
    """
    parts: List[object] = [list(argv), sorted(environment.items())]
    try:
        program = os.path.realpath(argv[0])
        status = os.stat(program)
        parts.append([program, status.st_size, status.st_mtime_ns])
    except FileNotFoundError:
        parts.append([argv[0]])
    for path in sorted(files):
        content = read_or_none(path)
        parts.append([path, hashlib.sha256(content).hexdigest() if content is not None else None])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def start(argv: Sequence[str], environment: Mapping[str, str], log: str) -> int:
    """Start ``argv`` detached from us; its output goes to the end of ``log``. Returns the pid."""
    if os.path.exists(log) and os.path.getsize(log) > LOG_LIMIT:
        os.replace(log, log + ".1")
    with open(log, "ab") as output:
        os.chmod(log, 0o600)
        process = subprocess.Popen(
            list(argv),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
            close_fds=True,
        )
    # Whoever adopts the orphan reaps it; until this interpreter ends, poll() does.
    _STARTED[process.pid] = process
    return process.pid


_STARTED: Dict[int, subprocess.Popen[bytes]] = {}


def reap(pid: int) -> None:
    """Collect a child of ours that ended, so that it isn't seen as a zombie."""
    process = _STARTED.get(pid)
    if process is not None:
        process.poll()


def save(path: str, record: Record) -> None:
    write_atomically(path, record.to_bytes(), 0o600)


def load(path: str) -> Optional[Record]:
    return Record.from_bytes(read_or_none(path))


def stop(
    pids: Sequence[int],
    proc: ProcFs,
    grace: float,
    *,
    kill: Callable[[int, int], None] = os.kill,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> List[int]:
    """Ask ``pids`` to end, insist after ``grace`` seconds, and return those that survived even that."""
    born = {pid: stat[1] for pid, stat in ((pid, proc.stat(pid)) for pid in pids) if stat}

    def left() -> List[int]:
        still = []
        for pid, started in born.items():
            reap(pid)
            stat = proc.stat(pid)
            if stat and stat[0] not in DEAD_STATES and stat[1] == started:
                still.append(pid)
        return still

    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        for pid in left():
            try:
                kill(pid, number)
            except ProcessLookupError:
                continue
        deadline = clock() + patience
        while left() and clock() < deadline:
            sleep(0.05)
    return left()


def tail(path: str, lines: int) -> List[str]:
    """The last ``lines`` lines of a log, for error messages."""
    try:
        with open(path, "rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - 8192))
            return handle.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
