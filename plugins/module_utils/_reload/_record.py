# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a host was like before its driver moved, kept on the host itself for the run after one that was cut off."""

from __future__ import annotations

import json
import os
from typing import Any, List, TypedDict

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _atomic
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import ReloadError

NAME = "reload.json"


class Record(TypedDict):
    """Services that ran, modules that were loaded, and the layout of MIG (None where it was not seen)."""

    services: List[str]
    modules: List[str]
    mig: Any


def read(folder: str) -> Record:
    """What was remembered; empty where nothing was. Raises ReloadError for a file that nobody can read."""
    path = os.path.join(folder, NAME)
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    except FileNotFoundError:
        return {"services": [], "modules": [], "mig": None}
    except (OSError, ValueError) as error:
        raise ReloadError("%s can't be read (%s); remove it once the GPU services run" % (path, error)) from error
    if not isinstance(found, dict):
        raise ReloadError("%s doesn't hold what was written to it; remove it once the GPU services run" % path)
    return {
        "services": [str(name) for name in found.get("services") or []],
        "modules": [str(name) for name in found.get("modules") or []],
        "mig": found.get("mig"),
    }


def merged(old: Record, services: List[str], modules: List[str], mig: Any) -> Record:
    """Add what is there now: what an earlier run stopped is not forgotten, and its layout is the true one."""
    return {
        "services": list(dict.fromkeys([*old["services"], *services])),
        "modules": list(dict.fromkeys([*old["modules"], *modules])),
        "mig": mig if old["mig"] is None else old["mig"],
    }


def write(folder: str, record: Record) -> None:
    """Replace the file at once; it outlasts a loss of power, as what it tells of is stopped next."""
    os.makedirs(folder, mode=0o755, exist_ok=True)
    text = json.dumps(record, indent=1, sort_keys=True)
    _atomic.write(os.path.join(folder, NAME), text.encode("utf-8"), 0o600, durable=True)


def forget(folder: str) -> None:
    """Remove the file: all is as it was. It doesn't come back after a loss of power either."""
    try:
        os.unlink(os.path.join(folder, NAME))
    except FileNotFoundError:
        return
    _atomic.settle(folder)
