# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""How the driver is set up, on disk and in the kernel: files of the role nvidia_driver, module options, persistence.

/proc/driver/nvidia/params has a line ``Name: value`` for each NVreg_Name, texts in quotes (nv-procfs.c in
NVIDIA/open-gpu-kernel-modules); the other modules show theirs in sysfs. nvidia-persistenced switches persistence mode
on unless it is told not to (nvidia-persistenced(1)).
"""

from __future__ import annotations

from typing import Dict, List, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _modules
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._modprobe import Modprobe
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import LoadedModule, Settings

MODPROBE = "/etc/modprobe.d/openhands-nvidia.conf"
PERSISTENCED = "/etc/systemd/system/nvidia-persistenced.service.d/openhands.conf"
UNATTENDED = "/etc/apt/apt.conf.d/52openhands-nvidia-driver"
FILES = (MODPROBE, PERSISTENCED, UNATTENDED)
"""What the role writes."""

PARAMS = "/proc/driver/nvidia/params"
PREFIX = "NVreg_"
PID = "/run/nvidia-persistenced/nvidia-persistenced.pid"
DAEMON = "nvidia-persistenced"
IMAGE = "/boot/initrd.img-%s"
"""Of Debian and Ubuntu."""

SWITCHES = {"y": 1, "n": 0}
"""How the kernel shows a boolean."""


def read(root: Root, modprobe: Modprobe, modules: Dict[str, LoadedModule], kernels: List[str]) -> Settings:
    """Read it all. kernels: the releases that are installed."""
    return {
        "files": {path: root.text(path) for path in FILES if root.is_file(path)},
        "options": modprobe.options,
        "parameters": {name: found for name in modules for found in [_parameters(root, name)] if found},
        "persistence": _persistence(root),
        "stale_images": _stale_images(root, kernels),
    }


def _parameters(root: Root, module: str) -> Dict[str, str]:
    if module == "nvidia":
        pairs = (line.partition(":") for line in root.text(PARAMS).splitlines())
        return {PREFIX + name.strip(): value.strip().strip('"') for name, _colon, value in pairs if name.strip()}
    if not module.startswith(_modules.PREFIX):
        return {}
    folder = "%s/%s/parameters" % (_modules.FOLDER, module)
    return {name: root.text(folder + "/" + name) for name in root.names(folder) if root.is_file(folder + "/" + name)}


def _persistence(root: Root) -> Optional[bool]:
    """Whether the daemon that runs keeps the GPUs initialised; None where none runs."""
    pid = root.text(PID)
    words = root.text("/proc/%s/cmdline" % pid).split("\0") if pid.isdigit() else []
    if not words or not words[0].endswith(DAEMON):
        return None
    return "--no-persistence-mode" not in words


def _stale_images(root: Root, kernels: List[str]) -> List[str]:
    """Images for the boot that were made before the module options were written."""
    written = root.modified(MODPROBE)
    if written is None:
        return []
    made = ((IMAGE % release, root.modified(IMAGE % release)) for release in kernels)
    return [path for path, when in made if when is not None and when < written]


def same(one: str, other: str) -> bool:
    """Whether two values of an option mean the same: numbers are 32 bits wide and may be hexadecimal."""
    first, second = _number(one), _number(other)
    return one == other if first is None or second is None else first == second


def _number(text: str) -> Optional[int]:
    if text.lower() in SWITCHES:
        return SWITCHES[text.lower()]
    try:
        return int(text, 0) & 0xFFFFFFFF
    except ValueError:
        return None
