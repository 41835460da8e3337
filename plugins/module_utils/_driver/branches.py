# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What is known of each driver branch: how long it is kept, which GPUs it drives, which CUDA it brings. Data.

Sources: docs.nvidia.com/datacenter/tesla/drivers/615/supported-drivers-and-cuda-toolkit-versions.html (kind, end of
life); driver-installation-guide 610 and 620, kernel-modules.html (open modules from Turing on, required for Grace
Hopper and Blackwell, the default from 560; the guide of 620 knows open ones only); NVIDIA/gpu-driver-container
ubuntu26.04/nvidia-driver (branches from 595 on drive Turing and newer).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

OPEN_BY_DEFAULT = 560
FIRST_OPEN = 515
LAST_PROPRIETARY = 615
FIRST_CUDA_13 = 580
COHERENT_OPTION_FROM = 580
NEWEST = 620


@dataclass(frozen=True)
class Branch:
    """One driver branch. ``end``: the month it is no longer kept, as YYYY-MM, empty where not known."""

    kind: str = ""
    end: str = ""


BRANCHES: Mapping[int, Branch] = {
    515: Branch("old", "2023-05"),
    520: Branch("old"),
    525: Branch("old"),
    530: Branch("old"),
    535: Branch("long-term support", "2026-06"),
    545: Branch("old"),
    550: Branch("old"),
    555: Branch("old"),
    560: Branch("old"),
    565: Branch("old"),
    570: Branch("old"),
    575: Branch("old"),
    580: Branch("long-term support", "2028-06"),
    590: Branch("new feature"),
    595: Branch("production", "2027-03"),
    610: Branch("new feature", "2026-08"),
    615: Branch(""),
    620: Branch(""),
}

FIRST: Mapping[str, int] = {"ada": 525, "hopper": 520, "blackwell": 570}
"""The oldest branch that drives a generation; one that isn't here is older than every branch above."""

LAST: Mapping[str, int] = {"kepler": 470, "maxwell": 580, "pascal": 580, "volta": 580}
"""The newest branch that drives a generation; one that isn't here is driven by all."""


def drives(branch: int, generation: str) -> bool:
    """Whether a branch knows GPUs of a generation. One that isn't in the tables is taken for newer than they are."""
    return FIRST.get(generation, 0) <= branch <= LAST.get(generation, branch)


def suited(generation: str) -> str:
    """The branches for a generation, for a message."""
    first, last = FIRST.get(generation), LAST.get(generation)
    return " to ".join(str(end) for end in (first, last) if end) + ("" if last else " or newer")


def cuda_major(branch: int) -> int:
    """The major version of the CUDA that a branch brings: it picks DCGM's diagnostics package."""
    return 13 if branch >= FIRST_CUDA_13 else 12 if branch >= 525 else 11


def ended(branch: int, today: str) -> str:
    """The month a branch's support ended, where that is before today (YYYY-MM-DD); empty otherwise."""
    end = BRANCHES.get(branch, Branch()).end
    return end if today and end and end < today[:7] else ""
