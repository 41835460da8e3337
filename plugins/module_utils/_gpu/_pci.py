# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""GPUs and NVSwitches on the PCI bus, with no tool and no driver.

A device of NVIDIA's with class 0300 or 0302 is a GPU, with class 0680 an NVSwitch; anything else of NVIDIA's (sound,
USB, the bridges of GB200) is neither. Facts: NVIDIA/go-nvlib pkg/nvpci/nvpci.go.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _devices, _models, _vgpu
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import GpuWithClass, Switch

DEVICES = "/sys/bus/pci/devices"
NVIDIA = b"0x10de"
GPU_CLASSES = frozenset({"0300", "0302"})
SWITCH_CLASS = "0680"


class Bus(NamedTuple):
    """What NVIDIA has on the bus."""

    gpus: List[GpuWithClass]
    switches: List[Switch]
    vgpu_guest: bool


def walk(root: Root) -> Bus:
    """Every GPU and NVSwitch, in the order of their addresses."""
    gpus: List[GpuWithClass] = []
    switches: List[Switch] = []
    guest = False
    for address in root.names(DEVICES):
        folder = DEVICES + "/" + address
        if (root.data(folder + "/vendor", 16) or b"").strip() != NVIDIA:
            continue
        kind = _hex(root, folder + "/class", 6)[:4]
        if kind == SWITCH_CLASS:
            device = _hex(root, folder + "/device", 4)
            switches.append({"address": address, "device": device, "driver": root.link(folder + "/driver")})
        elif kind in GPU_CLASSES:
            config = root.data(folder + "/config", _vgpu.CONFIG_SIZE)
            guest = _vgpu.is_guest(root, folder + "/config", config) or guest
            gpus.append(_gpu(root, address, kind, config))
    return Bus(gpus, switches, guest)


def physical(gpus: List[GpuWithClass]) -> List[GpuWithClass]:
    """The GPUs that are no virtual functions."""
    return [gpu for gpu in gpus if not gpu["virtual_function"]]


def generations(gpus: List[GpuWithClass]) -> List[str]:
    """The generations of the physical GPUs, sorted by name."""
    return sorted({gpu["generation"] for gpu in physical(gpus)})


def passthrough(gpus: List[GpuWithClass]) -> bool:
    """Whether a GPU, or a part of one, is kept for virtual machines."""
    return any(gpu["driver"] in _devices.PASSTHROUGH_DRIVERS for gpu in gpus)


def coherent(gpus: List[GpuWithClass]) -> bool:
    """Whether the CPU shares the memory of a GPU (GH200, GB200, GB300)."""
    return any(int(gpu["device"] or "0", 16) in _devices.COHERENT for gpu in gpus)


def _gpu(root: Root, address: str, kind: str, config: Optional[bytes]) -> GpuWithClass:
    folder = DEVICES + "/" + address
    ids: Dict[str, str] = {
        name: _hex(root, folder + "/" + name, 4) for name in ("device", "subsystem_vendor", "subsystem_device")
    }
    device = int(ids["device"] or "0", 16)
    numa_node = root.number(folder + "/numa_node")
    group = root.link(folder + "/iommu_group")
    return {
        "address": address,
        "device": ids["device"],
        "subsystem_vendor": ids["subsystem_vendor"],
        "subsystem_device": ids["subsystem_device"],
        "class": kind,
        "generation": _devices.generation(device),
        "model": _models.model(device, int(ids["subsystem_device"] or "0", 16)),
        "numa_node": -1 if numa_node is None else numa_node,
        "iommu_group": int(group) if group.isdigit() else None,
        "driver": root.link(folder + "/driver"),
        "virtual_function": bool(root.link(folder + "/physfn")),
        "responding": not _gone(config),
    }


def _gone(config: Optional[bytes]) -> bool:
    """A device that fell off the bus reads as all ones, while sysfs still lists it."""
    return bool(config) and not (config or b"").strip(b"\xff")


def _hex(root: Root, path: str, digits: int) -> str:
    """A number of sysfs (0x20b0) as so many lower-case digits; "" where there is none."""
    number = root.number(path, 16)
    return "" if number is None else format(number, "0%dx" % digits)
