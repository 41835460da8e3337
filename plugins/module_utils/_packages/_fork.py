# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Calling a function in a forked child: bounded in time, and with all that a library keeps open gone afterwards."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from typing import Any, Callable, Dict, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _program
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _files
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._run import ENVIRONMENT, masked

PAUSE = 0.05
POLITE: _program.Ending = ((signal.SIGTERM, 60.0), (signal.SIGKILL, None))
"""rpm closes its database before it heeds a signal, if it is given the time."""

TAIL = 4000


def call(function: Callable[..., Dict[str, Any]], timeout: float, **arguments: Any) -> Dict[str, Any]:
    """The function's answer (JSON), with what it printed as ``said``; or ``error`` and, for known kinds, ``lines``."""
    with tempfile.TemporaryDirectory(prefix="openhands-call-") as folder:
        answer, output = os.path.join(folder, "answer"), os.path.join(folder, "output")
        pid = os.fork()
        if pid == 0:
            _child(function, arguments, answer, output)
        ended = _wait(pid, timeout)
        said = masked(_files.read(output))[-TAIL:]
        text = _files.read(answer)
    if not ended:
        return {"error": "it took longer than %d s and was ended" % timeout, "said": said}
    try:
        result: Dict[str, Any] = json.loads(text)
    except ValueError:  # nothing, or half of it: killed, or a full disk
        result = {"error": "it ended without an answer"}
    return {**result, "said": said}


def _child(function: Callable[..., Dict[str, Any]], arguments: Dict[str, Any], answer: str, output: str) -> None:
    """Runs in the child and never returns."""
    code = 1
    try:
        os.setsid()
        os.umask(_program.UMASK)
        os.environ.update(ENVIRONMENT)
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        result = _answered(function, arguments)
        sys.stdout.flush()
        with open(answer, "w", encoding="utf-8") as handle:
            json.dump(result, handle)
        code = 0
    finally:
        os._exit(code)


def _answered(function: Callable[..., Dict[str, Any]], arguments: Dict[str, Any]) -> Dict[str, Any]:
    try:
        return function(**arguments)
    except Exception as error:  # noqa: BLE001 - whatever the library raises is the caller's answer
        lines = [masked(str(line)) for line in getattr(error, "lines", [])]
        return {"error": masked(str(error)) or type(error).__name__, "lines": lines}


def _wait(pid: int, timeout: float) -> bool:
    if _ended(pid, timeout):
        return True
    _program.end(pid, POLITE, lambda seconds: _ended(pid, seconds))
    return False


def _ended(pid: int, seconds: Optional[float]) -> bool:
    deadline = None if seconds is None else time.monotonic() + seconds
    while deadline is None or time.monotonic() < deadline:
        done, _status = os.waitpid(pid, os.WNOHANG)
        if done:
            return True
        time.sleep(PAUSE)
    return False
