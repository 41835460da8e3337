# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which kernel modules go in which order, and what keeps one from going. Pure.

NVIDIA/k8s-driver-manager unloads nvidia_modeset, nvidia_uvm, nvidia_peermem, nvidia_fs, nvidia_vgpu_vfio, gdrdrv and
nvidia, in this order, and NVIDIA/gpu-driver-container looks at the reference counts before it does; packages on a host
also load nvidia_drm, which holds nvidia_modeset.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

ORDER = (
    "nvidia_drm",
    "nvidia_modeset",
    "nvidia_uvm",
    "nvidia_peermem",
    "nv_peer_mem",
    "nvidia_fs",
    "nvidia_vgpu_vfio",
    "nvidia_cspmu",
    "gdrdrv",
    "nvidia",
    "nouveau",
)
ALWAYS = ("nvidia", "nvidia_uvm")
"""What computing needs. The others are loaded again where they were."""

NOT_OURS = ("nouveau", "nvidia_cspmu")
"""Never loaded: nouveau drives no GPU of ours, nvidia_cspmu (left alone) counts events of Grace CPUs."""

Module = Mapping[str, Any]


def present(modules: Mapping[str, Module]) -> List[str]:
    """Modules to unload, in order; one that can't be (its count is -1) is among them."""
    return [name for name in ORDER if name in modules and name != "nvidia_cspmu"]


def stuck(modules: Mapping[str, Module]) -> List[str]:
    """Modules that something other than a module holds: an open device counts one reference."""
    found = []
    for name in present(modules):
        count = int(modules[name].get("refcount", 0))
        others = [holder for holder in modules[name].get("holders", []) if holder not in ORDER]
        if count < 0 or count > len(modules[name].get("holders", [])) or others:
            found.append(name)
    return found


def why(name: str, module: Module) -> str:
    """What keeps one module, in words."""
    count = int(module.get("refcount", 0))
    others = [holder for holder in module.get("holders", []) if holder not in ORDER]
    if count < 0:
        return "%s can't be unloaded from this kernel" % name
    if others:
        return "%s is held by the module %s" % (name, ", ".join(others))
    return "%s is in use (%d references)" % (name, count - len(module.get("holders", [])))


def to_load(before: Sequence[str]) -> List[str]:
    """Modules to load, each after what it builds on."""
    wanted = {*ALWAYS, *before} - set(NOT_OURS)
    return [name for name in reversed(ORDER) if name in wanted]


def users(found: Sequence[Mapping[str, Any]]) -> List[str]:
    """Processes with an open device, a line each."""
    devices: Dict[int, List[str]] = {}
    names: Dict[int, str] = {}
    for user in found:
        pid = int(user["pid"])
        devices.setdefault(pid, []).append(str(user["device"]))
        at = user.get("unit") or (user.get("pod") and "pod %s" % user["pod"])
        names[pid] = "%s (pid %d%s)" % (user["command"], pid, ", %s" % at if at else "")
    return ["%s holds %s" % (names[pid], ", ".join(sorted(set(devices[pid])))) for pid in sorted(devices)]
