# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which generation a PCI device id belongs to.

NVIDIA allots ids in blocks of a chip. The blocks: from Blackwell on, NVIDIA/gpu-admin-tools gpu/devid_chips.py;
before, the chip that the public PCI id list names for each known id (the copy in NVIDIA/go-nvlib pkg/pciids), checked
against the table of supported GPUs in NVIDIA/open-gpu-kernel-modules README.md (595.45.04), which begins with Turing.
An id in no block is ``unknown``: better no answer than the wrong driver.
"""

from __future__ import annotations

from typing import Tuple

GENERATIONS = (
    "kepler",
    "maxwell",
    "pascal",
    "volta",
    "turing",
    "ampere",
    "ada",
    "hopper",
    "blackwell",
)
"""Oldest first."""

UNKNOWN = "unknown"

BLOCKS: Tuple[Tuple[int, int, str], ...] = (
    (0x0FC0, 0x103F, "kepler"),  # GK107, GK110, GK180, GK210
    (0x1180, 0x11FF, "kepler"),  # GK104, GK106
    (0x1280, 0x12BF, "kepler"),  # GK208
    (0x1340, 0x143F, "maxwell"),  # GM108, GM107, GM204, GM206
    (0x15C0, 0x15FF, "pascal"),  # GP100
    (0x1600, 0x167F, "maxwell"),  # GM204
    (0x1720, 0x173F, "pascal"),  # GP100
    (0x1740, 0x17FF, "maxwell"),  # GM108, GM107, GM200
    (0x1B00, 0x1D7F, "pascal"),  # GP102, GP104, GP106, GP107, GP108
    (0x1D80, 0x1DFF, "volta"),  # GV100
    (0x1E00, 0x1FFF, "turing"),  # TU102, TU104, TU106, TU117
    (0x2080, 0x20FF, "ampere"),  # GA100
    (0x2180, 0x21FF, "turing"),  # TU116
    (0x2200, 0x227F, "ampere"),  # GA102
    (0x2300, 0x23FF, "hopper"),  # GH100
    (0x2400, 0x25FF, "ampere"),  # GA103, GA104, GA106, GA107
    (0x2680, 0x28FF, "ada"),  # AD102, AD103, AD104, AD106, AD107
    (0x2900, 0x29FF, "blackwell"),  # GB100, GB102
    (0x2B80, 0x2C7F, "blackwell"),  # GB202, GB203
    (0x2D00, 0x2DFF, "blackwell"),  # GB206, GB207
    (0x2E00, 0x2E7F, "blackwell"),  # GB20B
    (0x2F00, 0x2F7F, "blackwell"),  # GB205
    (0x3180, 0x31FF, "blackwell"),  # GB110
    (0x3200, 0x327F, "blackwell"),  # GB112
)
"""First id, last id, generation; in order and without overlap."""

COHERENT = frozenset({0x2342, 0x2345, 0x2348, 0x2941, 0x31C2})
"""GPUs of GH200, GB200 and GB300, whose memory the CPU shares: the ids that the kernel's nvgrace-gpu VFIO driver serves
(torvalds/linux drivers/vfio/pci/nvgrace-gpu/main.c)."""

PASSTHROUGH_DRIVERS = frozenset({"vfio-pci", "nvgrace-gpu-vfio-pci", "nvgrace_gpu_vfio_pci", "pci-stub", "pciback"})
"""Kernel drivers that keep a device for virtual machines."""

GA100 = (0x2080, 0x20FF)
NEVER_MIG = frozenset({"kepler", "maxwell", "pascal", "volta", "turing", "ada"})


def generation(device: int) -> str:
    """The generation of a GPU by its device id."""
    for first, last, name in BLOCKS:
        if first <= device <= last:
            return name
    return UNKNOWN


def can_mig(device: int) -> bool:
    """False only for what certainly has no MIG: it begins with GA100, and Ampere's other chips and Ada lack it."""
    found = generation(device)
    if found == "ampere":
        return GA100[0] <= device <= GA100[1]
    return found not in NEVER_MIG
