# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Who has a GPU open: the handles of every process, from procfs.

/proc is walked only where the driver's reference counts say that there is something to find: a host with thousands of
processes has tens of thousands of handles.
"""

from __future__ import annotations

import os
import re
from typing import FrozenSet, List

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._pci import DEVICES
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import ABSENT, Root, printable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import GpuWithClass, User

RENDER = "/dev/dri/"
PREFIXES = ("/dev/nvidia", "/dev/gdrdrv", RENDER)
DELETED = " (deleted)"
COMM_LENGTH = 15
"""The kernel cuts a command's name there."""

UNIT = re.compile(r"[^/]+\.(?:service|scope)$")
POD = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")


def read(root: Root, gpus: List[GpuWithClass]) -> List[User]:
    """Every process that holds a device of the driver, one entry for each device."""
    render = _render_nodes(root, gpus)
    found: List[User] = []
    hidden = 0
    for pid in root.names("/proc"):
        if pid.isdigit():
            try:
                devices = _devices_of(root, pid, render)
            except OSError as error:
                hidden += error.errno not in ABSENT
                continue
            found.extend(_user(root, pid, device) for device in devices)
    if hidden:
        root.note("/proc/*/fd", "%d processes can't be looked into: read as root" % hidden)
    return sorted(found, key=lambda user: (user["pid"], user["device"]))


def _devices_of(root: Root, pid: str, render: FrozenSet[str]) -> List[str]:
    """The devices that one process holds. Raises OSError where its handles cannot be listed."""
    # Names are read relative to the folder: that is what the kernel does fastest, tens of thousands of times.
    folder = os.open(root.real("/proc/%s/fd" % pid), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    held = set()
    try:
        for handle in os.listdir(folder):
            try:
                target = os.readlink(handle, dir_fd=folder)
            except OSError:
                continue  # closed in the meantime
            if target.startswith(PREFIXES):
                held.add(target.removesuffix(DELETED))
    finally:
        os.close(folder)
    return sorted(device for device in held if not device.startswith(RENDER) or device in render)


def _render_nodes(root: Root, gpus: List[GpuWithClass]) -> FrozenSet[str]:
    """The nodes below /dev/dri of NVIDIA's GPUs: other cards have theirs there too."""
    return frozenset("/dev/dri/" + name for gpu in gpus for name in root.names("%s/%s/drm" % (DEVICES, gpu["address"])))


def _user(root: Root, pid: str, device: str) -> User:
    group = root.text("/proc/%s/cgroup" % pid)
    path = group.splitlines()[-1].rpartition(":")[2] if group else ""
    unit = UNIT.search(path)
    pod = POD.search(path)
    return {
        "pid": int(pid),
        "command": _command(root, pid),
        "device": printable(device),
        "unit": unit.group(0) if unit else "",
        "pod": pod.group(1).replace("_", "-") if pod else "",
    }


def _command(root: Root, pid: str) -> str:
    """A process's name; the whole one from its program's path where the kernel cut it. Never its arguments."""
    name = root.text("/proc/%s/comm" % pid, 64)
    if len(name) >= COMM_LENGTH:
        program = root.link("/proc/%s/exe" % pid)
        if program.startswith(name):
            return program
    return name
