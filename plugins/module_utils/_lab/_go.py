# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Run the Go tool and tell, while it works, how far it is."""

from __future__ import annotations

import collections
import json
import os
import selectors
import subprocess
import time
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Sequence

Emit = Callable[[str], None]
INTERVAL = 5.0
"""Seconds between two lines of progress."""


class GoError(Exception):
    """The Go tool failed; the text ends with what it said."""


class Progress:
    """Counts compiled packages and says now and then where a build stands."""

    unit = "packages compiled"

    def __init__(self, title: str, total: int, emit: Emit, clock: Callable[[], float] = time.monotonic) -> None:
        self.title = title
        self.total = total
        self.emit = emit
        self.clock = clock
        self.started = clock()
        self.spoken = self.started
        self.compiled = 0

    def line(self, text: str) -> None:
        """Take one line of the tool's output: with -v, a line per compiled package."""
        if text and " " not in text and not text.startswith("#"):
            self.compiled += 1

    def tick(self) -> None:
        """Speak when it is time."""
        now = self.clock()
        if now - self.spoken >= INTERVAL:
            self.spoken = now
            of = f" of at most {self.total}" if self.total else ""
            self.emit(f"{self.title}: {self.compiled}{of} {self.unit}, {now - self.started:.0f} s")


class Downloads(Progress):
    """The same for a command that prints a line per module it finds or fetches."""

    unit = "modules looked up"

    def line(self, text: str) -> None:
        if text.startswith("go: "):
            self.compiled += 1


class Go:
    """The Go tool with the environment that makes builds repeatable."""

    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        self.program = program
        self.environment: Dict[str, str] = {
            **environment,
            "CGO_ENABLED": "0",
            "GOFLAGS": "-mod=mod -buildvcs=false",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }

    def version(self) -> str:
        """Such as ``go1.26.8``."""
        return self.text(["env", "GOVERSION"], cwd="/").strip()

    def text(self, arguments: Sequence[str], cwd: str) -> str:
        """Standard output of a command; raises GoError when it fails."""
        done = subprocess.run(
            [self.program, *arguments],
            cwd=cwd,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise GoError(f"go {' '.join(arguments[:2])} failed:\n{(done.stderr or done.stdout)[-2000:].strip()}")
        return done.stdout

    def json(self, arguments: Sequence[str], cwd: str) -> Dict[str, Any]:
        """As text, decoded."""
        decoded: Dict[str, Any] = json.loads(self.text(arguments, cwd))
        return decoded

    def download(self, module: str, version: str) -> Dict[str, Any]:
        """Have a module in Go's cache; returns its files (GoMod, Zip, Dir)."""
        return self.json(["mod", "download", "-json", f"{module}@{version}"], cwd="/")

    def replaces(self, go_mod: str) -> List[Dict[str, Any]]:
        """The replaces of a go.mod file."""
        return self.json(["mod", "edit", "-json", go_mod], cwd="/").get("Replace") or []

    def watch(
        self, arguments: Sequence[str], cwd: str, progress: Optional[Progress], log: str, niceness: int = 0
    ) -> None:
        """Run a long command, feeding its lines to ``progress`` and to ``log``; raises GoError when it fails."""
        last: Deque[str] = collections.deque(maxlen=25)
        with open(log, "ab") as written:
            process = subprocess.Popen(
                [self.program, *arguments],
                cwd=cwd,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            if niceness:
                os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
            try:
                for line in _lines(process, progress):
                    written.write(line.encode() + b"\n")
                    last.append(line)
                    if progress:
                        progress.line(line)
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if process.wait():
            raise GoError(f"go {' '.join(arguments[:2])} failed (all of it: {log}):\n" + "\n".join(last))


def _lines(process: subprocess.Popen[bytes], progress: Optional[Progress]) -> Any:
    """Lines as they come; between them the progress gets to speak (linking prints nothing for a minute)."""
    pipe = process.stdout
    if pipe is None:
        return
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=1.0):
                chunk = os.read(pipe.fileno(), 65536)
                if not chunk:
                    break
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    yield line.decode(errors="replace")
            if progress:
                progress.tick()
    if rest:
        yield rest.decode(errors="replace")
