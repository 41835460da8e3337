# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Open or proprietary kernel modules: what a host's GPUs need, can take, and get by default. Pure.

Open modules need the GSP processor, so Turing or newer; Grace Hopper and Blackwell take nothing else
(driver-installation-guide, kernel-modules.html; "NVIDIA Transitions Fully Towards Open-Source GPU Kernel Modules",
developer.nvidia.com). A host with both sorts has no valid choice.
"""

from __future__ import annotations

from typing import FrozenSet

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import branches
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.host import PRE_TURING, Host

OPEN, PROPRIETARY = "open", "proprietary"


def too_old_for_open(host: Host) -> FrozenSet[str]:
    """Generations without a GSP."""
    return host.generations & frozenset(PRE_TURING)


def only_open(host: Host) -> FrozenSet[str]:
    """Generations (and Grace Hopper) whose proprietary modules don't exist."""
    found = host.generations & {"blackwell"}
    return found | {"Grace Hopper"} if host.coherent and "hopper" in host.generations else found


def choose(host: Host, branch: int, asked: str) -> str:
    """The flavour: the one asked for, or by the GPUs, or the branch's default. Refusals are made elsewhere."""
    if asked != "auto":
        return asked
    if only_open(host):
        return OPEN
    if too_old_for_open(host):
        return PROPRIETARY
    return OPEN if branch >= branches.OPEN_BY_DEFAULT else PROPRIETARY
