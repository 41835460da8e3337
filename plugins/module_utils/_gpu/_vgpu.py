# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether a GPU is a slice of one that a hypervisor handed out (vGPU), and whether the host is such a hypervisor.

A slice carries a vendor-specific PCI capability whose body begins with the letters VF. Facts:
NVIDIA/k8s-device-plugin internal/vgpu/vgpu.go and pciutil.go. A hypervisor runs NVIDIA's vGPU manager: its module is
nvidia_vgpu_vfio, its daemon nvidia-vgpu-mgr (NVIDIA/gpu-driver-container vgpu-manager/).
"""

from __future__ import annotations

from typing import Container, Iterator, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root

CONFIG_SIZE = 256
SHORT_CONFIG = 64
"""What the kernel shows of the configuration space to a user without privileges."""

STATUS, HAS_CAPABILITIES, FIRST = 0x06, 0x10, 0x34
VENDOR_SPECIFIC = 0x09
SIGNATURE = b"VF"

MANAGER_MODULE = "nvidia_vgpu_vfio"
MANAGER = "/usr/bin/nvidia-vgpu-mgr"


def is_guest(root: Root, path: str, config: Optional[bytes]) -> bool:
    """Whether the device with this configuration space is a vGPU."""
    if not config:
        return False
    if len(config) <= SHORT_CONFIG:
        root.note(path, "only its first %d bytes can be read: read it as root to tell a vGPU" % len(config))
        return False
    return any(
        identity == VENDOR_SPECIFIC and config[place + 3 : place + 5] == SIGNATURE
        for identity, place in capabilities(config)
    )


def is_host(root: Root, modules: Container[str]) -> bool:
    """Whether the vGPU manager is installed or loaded: another driver would take its virtual machines their GPUs."""
    return MANAGER_MODULE in modules or root.is_file(MANAGER)


def capabilities(config: bytes) -> Iterator[Tuple[int, int]]:
    """Each capability's id and place; a chain that is broken or runs in a circle ends where it breaks."""
    if len(config) < CONFIG_SIZE or not config[STATUS] & HAS_CAPABILITIES:
        return
    seen = set()
    place = config[FIRST] & ~3
    while place >= SHORT_CONFIG and place not in seen and config[place] != 0xFF:
        seen.add(place)
        yield config[place], place
        place = config[place + 1] & ~3
