# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Running commands: no shell, no questions, a bounded time, and never a password in what is kept."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from typing import Mapping, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Done

ENVIRONMENT = {
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "APT_LISTCHANGES_FRONTEND": "none",
    "APT_LISTBUGS_FRONTEND": "none",
    # needrestart would restart containerd and the kubelet after an unrelated library moved.
    "NEEDRESTART_SUSPEND": "1",
    "UCF_FORCE_CONFFOLD": "1",
}
SENSIBLE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
GRACE = 60.0
"""Seconds a package manager gets to end by itself after it was asked to."""


def masked(text: str) -> str:
    """The text without the user and password of any address."""
    return _CREDENTIALS.sub("***@", text)


def run(argv: Sequence[str], timeout: float = 600, cwd: str = "/", env: Optional[Mapping[str, str]] = None) -> Done:
    """Run a command to its end, or until ``timeout`` seconds have passed; a missing program answers 127."""
    environ = {**os.environ, **ENVIRONMENT, **(env or {})}
    environ["PATH"] = "%s:%s" % (os.environ.get("PATH", ""), SENSIBLE_PATH)
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environ,
            start_new_session=True,
        )
    except OSError as error:
        return Done(tuple(argv), 127, "", str(error))
    timed_out = False
    try:
        out, err = process.communicate(timeout=max(timeout, 1))
    except subprocess.TimeoutExpired:
        timed_out = True
        out, err = _end(process)
    return Done(tuple(argv), process.returncode, _text(out), _text(err), timed_out)


def _end(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """End a process and its children: first politely, so that dpkg can write down where it is."""
    _signal(process, signal.SIGINT)
    try:
        return process.communicate(timeout=GRACE)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        return process.communicate()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _text(data: bytes) -> str:
    return masked(data.decode("utf-8", "replace"))
