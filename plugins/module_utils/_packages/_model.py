# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The words of a package transaction: what is asked for, what would change, and why it may not be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple

Versions = Dict[str, str]
"""Installed packages: name (with ``:architecture`` where it isn't the host's own) -> version."""


SAID = 15
"""Lines of a failed command that a message shows."""

_ERROR = re.compile(r"E:|dpkg: error|Error[!:]")


class PackageError(Exception):
    """Stops a transaction. ``result`` is what is already known, for the task's result."""

    def __init__(self, message: str, result: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(message)
        self.message = message
        self.result: Dict[str, Any] = dict(result or {})


@dataclass(frozen=True)
class Done:
    """A command that ended. ``timed_out`` is true for one that was ended for taking too long."""

    argv: Tuple[str, ...]
    rc: int
    out: str
    err: str
    timed_out: bool = False

    @property
    def text(self) -> str:
        """All that it said."""
        return "%s\n%s" % (self.out, self.err)

    def last_words(self, count: int = SAID) -> str:
        """What it said when it failed: its errors if it named any, else its last lines."""
        if self.timed_out:
            return "it took too long and was ended"
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        # dpkg gives its reason on the line after.
        errors = [
            "%s %s" % (line, after) if line.endswith(":") else line
            for line, after in zip(lines, [*lines[1:], ""])
            if _ERROR.match(line)
        ]
        return "; ".join((errors or lines)[-count:]) or "exit code %d" % self.rc


class Runner(Protocol):
    """Runs one command, without a shell and without standard input."""

    def __call__(
        self, argv: Sequence[str], timeout: float = 600, cwd: str = "/", env: Optional[Mapping[str, str]] = None
    ) -> Done:
        """Wait for it, at most ``timeout`` seconds."""


@dataclass(frozen=True)
class Pin:
    """One preference: which version, release or origin of these packages is taken, with which priority."""

    packages: str
    pin: str
    priority: int


@dataclass(frozen=True)
class Wanted:
    """A package to have; an empty version means the candidate under the pins. It may end in ``*``."""

    name: str
    version: str = ""


@dataclass(frozen=True)
class Request:
    """What one transaction shall bring about."""

    install: Tuple[Wanted, ...] = ()
    remove: Tuple[str, ...] = ()
    hold: Tuple[str, ...] = ()
    pins: Tuple[Pin, ...] = ()
    stream: str = ""
    headers: Tuple[str, ...] = ()
    allow_downgrade: bool = False

    @property
    def names(self) -> List[str]:
        """Every package that it names to have."""
        return [*(wanted.name for wanted in self.install), *self.headers]


@dataclass(frozen=True)
class Change:
    """One package that moves; an empty version means absent."""

    name: str
    old: str
    new: str

    def to_result(self) -> Dict[str, str]:
        """The change as the task's result shows it."""
        return {"name": self.name, "from": self.old, "to": self.new}

    def __str__(self) -> str:
        if not self.old:
            return "%s %s (new)" % (self.name, self.new)
        if not self.new:
            return "%s %s (removed)" % (self.name, self.old)
        return "%s %s -> %s" % (self.name, self.old, self.new)


def off(wanted: Mapping[str, str], installed: Mapping[str, str], word: str) -> List[str]:
    """Packages that don't have the version (empty: absent) that they ``word``, one line each."""
    return [
        "%s is %s, %s %s" % (name, installed.get(name) or "absent", word, version or "absent")
        for name, version in wanted.items()
        if installed.get(name, "") != version
    ]


@dataclass(frozen=True)
class Module:
    """A kernel module's source as DKMS knows it, of the package that brought it."""

    name: str
    version: str
    package: str = ""

    def __str__(self) -> str:
        return "%s/%s" % (self.name, self.version)


@dataclass(frozen=True)
class BuildFailure:
    """Why a module was not built for a kernel."""

    module: str
    version: str
    kernel: str
    error: str
    log: str = ""

    def __str__(self) -> str:
        where = "%s %s does not build for kernel %s" % (self.module, self.version, self.kernel)
        return "%s: %s%s" % (where, self.error, " (log: %s)" % self.log if self.log else "")
