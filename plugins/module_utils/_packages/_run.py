# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Running commands: no shell, no questions, a bounded time, and never a password in what is kept."""

from __future__ import annotations

import os
import re
import signal
from typing import Mapping, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _program
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Done

ENVIRONMENT = {
    **_program.ENGLISH,
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "APT_LISTCHANGES_FRONTEND": "none",
    "APT_LISTBUGS_FRONTEND": "none",
    # needrestart would restart containerd and the kubelet after an unrelated library moved.
    "NEEDRESTART_SUSPEND": "1",
    "UCF_FORCE_CONFFOLD": "1",
}
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
POLITE: _program.Ending = ((signal.SIGINT, 60.0), (signal.SIGKILL, None))
"""A package manager is asked to end first, so that it can write down where it is."""


def masked(text: str) -> str:
    """The text without the user and password of any address."""
    return _CREDENTIALS.sub("***@", text)


def run(argv: Sequence[str], timeout: float = 600, cwd: str = "/", env: Optional[Mapping[str, str]] = None) -> Done:
    """Run a command to its end, or until ``timeout`` seconds have passed; a missing program answers 127."""
    environment = {**os.environ, **ENVIRONMENT, **(env or {}), "PATH": _program.search_path(os.environ)}
    try:
        ended = _program.run(argv, environment, max(timeout, 1), POLITE, cwd)
    except OSError as error:
        return Done(tuple(argv), 127, "", str(error))
    return Done(tuple(argv), ended.code, masked(ended.out), masked(ended.err), ended.timed_out)
