# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Running programs on the host: no shell, a bounded time, and never waiting for one that the kernel holds.

A program that talks to a dead GPU can hang in the kernel, where no signal reaches it. It is left behind then, and what
asked goes on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from typing import Mapping, Optional, Protocol, Sequence, Tuple

FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ABSENT, TOO_LONG = 127, 124
LAST_WORDS = 5.0
"""Seconds a killed program gets to end."""


class ReloadError(Exception):
    """A step that didn't work; the message names the unit, module or program and says what to do."""


@dataclass(frozen=True)
class Done:
    """How a program ended: ABSENT where there is none, TOO_LONG where it was ended."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def said(self) -> str:
        """The last thing it said, on one line."""
        lines = [line.strip() for line in (self.err + "\n" + self.out).splitlines() if line.strip()]
        return lines[0][:300] if lines else "exit status %d" % self.code


class Machine(Protocol):
    """What the steps need of the host."""

    def run(self, argv: Sequence[str], timeout: float = 60) -> Done:
        """Run a program."""

    def has(self, program: str) -> bool:
        """Whether there is such a program."""

    def has_systemd(self) -> bool:
        """Whether systemd runs this host."""


class Host:
    """The machine that the module runs on."""

    def __init__(self, environment: Optional[Mapping[str, str]] = None) -> None:
        self._environment = {**(os.environ if environment is None else environment), "LC_ALL": "C", "LANGUAGE": "C"}
        self._path = "%s:%s" % (self._environment.get("PATH", ""), FOLDERS)
        self._environment["PATH"] = self._path

    def has(self, program: str) -> bool:
        """Whether there is such a program."""
        return shutil.which(program, path=self._path) is not None

    def has_systemd(self) -> bool:
        """Whether systemd runs this host, as sd_booted(3) tells it."""
        return self.has("systemctl") and os.path.isdir("/run/systemd/system")

    def run(self, argv: Sequence[str], timeout: float = 60) -> Done:
        """Run a program to its end, or until ``timeout`` seconds have passed."""
        program = shutil.which(argv[0], path=self._path)
        if program is None:
            return Done(ABSENT, "", "%s is not on this host" % argv[0])
        try:
            process = subprocess.Popen(
                [program, *argv[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            return Done(ABSENT, "", "%s: %s" % (argv[0], error))
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            out, err = _end(process)
            said = "%s didn't end within %g s" % (" ".join(argv), timeout)
            return Done(TOO_LONG, _text(out), said)
        return Done(process.returncode, _text(out), _text(err))


def _end(process: subprocess.Popen[bytes]) -> Tuple[bytes, bytes]:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        return process.communicate(timeout=LAST_WORDS)
    except subprocess.TimeoutExpired:
        return b"", b""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
