# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Running programs on the host: no shell, a bounded time, and never waiting for one that the kernel holds.

A program that talks to a dead GPU can hang in the kernel, where no signal reaches it. It is left behind then, and what
asked goes on.
"""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from typing import Mapping, Optional, Protocol, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _program

ABSENT, TOO_LONG = 127, 124
AT_ONCE: _program.Ending = ((signal.SIGKILL, 5.0),)
"""These programs only ask, or do one thing. One that the kernel holds is left behind."""


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
        given = os.environ if environment is None else environment
        self._environment = {**given, **_program.ENGLISH, "PATH": _program.search_path(given)}

    def has(self, program: str) -> bool:
        """Whether there is such a program."""
        return shutil.which(program, path=self._environment["PATH"]) is not None

    def has_systemd(self) -> bool:
        """Whether systemd runs this host, as sd_booted(3) tells it."""
        return self.has("systemctl") and os.path.isdir("/run/systemd/system")

    def run(self, argv: Sequence[str], timeout: float = 60) -> Done:
        """Run a program to its end, or until ``timeout`` seconds have passed."""
        if not self.has(argv[0]):
            return Done(ABSENT, "", "%s is not on this host" % argv[0])
        try:
            ended = _program.run(argv, self._environment, timeout, AT_ONCE)
        except OSError as error:
            return Done(ABSENT, "", "%s: %s" % (argv[0], error))
        if ended.timed_out:
            return Done(TOO_LONG, ended.out, "%s didn't end within %g s" % (" ".join(argv), timeout))
        return Done(ended.code, ended.out, ended.err)
