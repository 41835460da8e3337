# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Packages beside the driver that must have its very version, and who needs them. Data and one function.

NVIDIA/gpu-driver-container, ubuntu24.04/precompiled/{local-repo.sh,nvidia-driver} and rhel10/precompiled/Dockerfile:
without a branch in the name from 580 on (EL spelt it nvidia-fabric-manager before); libnvsdm on x86_64 only, from 560;
IMEX from 550, with nvidia-modprobe of the same version; nvlsm and infiniband-diags from 570, with versions of their
own. Ubuntu's archive keeps the branch in the name (packages.ubuntu.com, fabric-manager-580) and has no nvlsm; Debian's
archive has none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.host import Host

PLAIN_FROM = 580


@dataclass(frozen=True)
class Part:
    """One package. ``plain``: its name from 580 on; ``old``: before, where ``old_el`` is empty on every system.

    ``needed``: which hosts. ``first``: the oldest branch that has it. ``versioned``: it has the driver's version.
    ``in_archive``: Ubuntu's archive has it, and so does a host that takes its driver from there; where it lacks one
    that isn't ``vital`` there, the host does without.
    """

    plain: str
    old: str
    needed: Callable[[Host], bool]
    old_el: str = ""
    first: int = 0
    architectures: Tuple[str, ...] = ("x86_64", "aarch64")
    versioned: bool = True
    in_archive: bool = True
    vital: bool = True


def _switched(host: Host) -> bool:
    return host.fabric


def _nvswitch(host: Host) -> bool:
    return host.fabric and host.nvswitch


def _nvlink5(host: Host) -> bool:
    return host.fabric and host.nvlink5


def _imex(host: Host) -> bool:
    return host.imex


PARTS: Tuple[Part, ...] = (
    Part("nvidia-fabricmanager", "nvidia-fabricmanager-{branch}", _switched, old_el="nvidia-fabric-manager"),
    Part("libnvidia-nscq", "libnvidia-nscq-{branch}", _nvswitch),
    Part("libnvsdm", "libnvsdm-{branch}", _nvlink5, first=560, architectures=("x86_64",), in_archive=False),
    Part("nvlsm", "nvlsm", _nvlink5, first=570, versioned=False, in_archive=False),
    Part("infiniband-diags", "infiniband-diags", _nvlink5, first=570, versioned=False),
    Part("nvidia-imex", "nvidia-imex-{branch}", _imex, first=550),
    Part("nvidia-modprobe", "nvidia-modprobe", _imex, first=550, in_archive=False, vital=False),
)


def names(host: Host, family: str, source: str, branch: int, versioned: bool) -> List[str]:
    """The packages a host needs. versioned: those with the driver's version, or those with one of their own."""
    return [
        _name(part, family, source, branch)
        for part in PARTS
        if part.versioned == versioned and _wanted(part, host) and (source == "vendor" or part.in_archive)
    ]


def lacking(host: Host, family: str, source: str) -> List[str]:
    """What a host needs and the distribution's archive doesn't have."""
    if source == "vendor":
        return []
    has = family == "ubuntu"
    return [part.plain for part in PARTS if _wanted(part, host) and part.vital and not (has and part.in_archive)]


def too_new(host: Host, branch: int) -> List[Part]:
    """What a host needs and the branch doesn't have yet."""
    return [part for part in PARTS if _wanted(part, host) and branch < part.first]


def _wanted(part: Part, host: Host) -> bool:
    return part.needed(host) and host.architecture in part.architectures


def _name(part: Part, family: str, source: str, branch: int) -> str:
    if branch >= PLAIN_FROM and not (source == "archive" and family == "ubuntu"):
        return part.plain
    old = part.old_el if family == "el" and part.old_el else part.old
    return old.format(branch=branch)
