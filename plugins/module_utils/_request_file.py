# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The file that carries a request to a target: gone once it is read, and swept up where a killed run left it."""

from __future__ import annotations

import glob
import json
import os
import time
from contextlib import suppress
from typing import Any, Dict

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _holder

PREFIX, SUFFIX = "rollout-request-", ".json"
OLD_SECONDS = 3600.0
"""So old, a file of another machine's run isn't waited for any more: sending and reading take seconds."""


def name() -> str:
    """A file name that says whose it is: machine, process, and when that began."""
    return PREFIX + "-".join((_holder.machine() or "unknown", str(os.getpid()), _holder.began(os.getpid()))) + SUFFIX


def read(path: str) -> Dict[str, Any]:
    """Read a request and delete it, and what killed runs left beside it. Raises OSError or ValueError."""
    with open(path, encoding="utf-8") as stream:
        sent: Dict[str, Any] = json.load(stream)
    os.unlink(path)
    # Ansible gives each task a folder of its own in the remote_tmp of the user.
    sweep(os.path.join(os.path.dirname(os.path.dirname(path)), "*"))
    return sent


def sweep(folder: str) -> None:
    """Delete the requests of killed runs in a folder (a glob)."""
    for path in glob.glob(os.path.join(folder, PREFIX + "*" + SUFFIX)):
        if abandoned(path):
            with suppress(OSError):
                os.unlink(path)


def abandoned(path: str) -> bool:
    """Whether nobody will read a request any more."""
    machine, _dash, process = os.path.basename(path)[len(PREFIX) : -len(SUFFIX)].partition("-")
    if _holder.is_dead({_holder.MACHINE: machine, _holder.PROCESS: process.replace("-", " ")}):
        return True
    try:
        return time.time() - os.stat(path).st_mtime > OLD_SECONDS
    except OSError:
        return False
