# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Who a run is, and whether a run of this machine is still alive."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import uuid
from dataclasses import dataclass, field
from typing import Dict, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _proc, _text

MACHINE = "gpu-observability.openhands.dev/machine"
PROCESS = "gpu-observability.openhands.dev/process"


def machine() -> str:
    """A digest of this boot and process namespace: only where it is equal do process numbers mean the same."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    boot = _text.readable("/proc/sys/kernel/random/boot_id").strip()
    return hashlib.sha256((boot + namespace).encode("utf-8")).hexdigest()[:16] if boot else ""


def began(pid: int) -> str:
    """When a process began, in clock ticks since the boot; empty where there is no such process (or no /proc).

    A zombie counts as gone: it does nothing any more.
    """
    found = _proc.process(pid)
    return str(found.began) if found and found.alive else ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user often has no name
        return "user %d" % os.getuid()


@dataclass(frozen=True)
class Holder:
    """One run: who started it, where, and a number that no other run has."""

    user: str = field(default_factory=_user)
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    @property
    def identity(self) -> str:
        """As the Lease's holderIdentity."""
        return "%s@%s process %d run %s" % (self.user, self.host, self.pid, self.run)

    @property
    def annotations(self) -> Dict[str, str]:
        """What lets a later run on the same machine see that this one is dead."""
        return {MACHINE: machine(), PROCESS: "%d %s" % (self.pid, began(self.pid))}


def is_dead(annotations: Mapping[str, str]) -> bool:
    """Whether the run that left these annotations was on this machine and is gone. False wherever that is unknown."""
    here = machine()
    if not here or annotations.get(MACHINE) != here:
        return False
    pid, _space, start = str(annotations.get(PROCESS) or "").partition(" ")
    return pid.isdigit() and bool(start) and began(int(pid)) != start
