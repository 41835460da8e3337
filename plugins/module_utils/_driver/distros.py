# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The operating systems whose driver packages are known, and which branch each of their sources has. Data.

Names of the vendor's repositories: ``setup_cuda_repo`` in NVIDIA/gpu-driver-container ubuntu24.04/install.sh and
rhel9/install.sh (``sbsa`` is what NVIDIA calls Arm servers). Debian's branches were read with apt-cache from
bookworm and trixie; Ubuntu's from packages.ubuntu.com (source nvidia-graphics-drivers-580-server makes the packages
of 535 and 570 transitional, linux-restricted-modules those of 550 and 565). ``seen``: what public install scripts
found in the indexes of NVIDIA's Debian repositories in September 2026.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional, Tuple

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "sbsa"}
"""Architecture as the kernel says it -> as NVIDIA's repositories are named."""

_CLONES = ("rhel", "rocky", "almalinux", "ol")


@dataclass(frozen=True)
class Distro:
    """One release of an operating system.

    ``vendor``: its name in NVIDIA's repositories. ``vendor_first``: the oldest branch there. ``archive``: branches in
    the distribution's own archive. ``transitional``: archive branches that are only names for another. ``kernel``: the
    series of its first kernel, which has headers without a suffix (Ubuntu). ``streams``: dnf module streams are used.
    ``seen``: by architecture the oldest branch that somebody saw in NVIDIA's repository (a note, not a refusal).
    """

    family: str
    major: int
    vendor: str
    vendor_first: int
    archive: Tuple[int, ...] = ()
    transitional: Mapping[int, int] = field(default_factory=dict)
    components: Tuple[str, ...] = ()
    kernel: str = ""
    codename: str = ""
    streams: bool = False
    seen: Mapping[str, int] = field(default_factory=dict)

    @property
    def package_manager(self) -> str:
        """The family as the package modules call it."""
        return "dnf" if self.family == "el" else "apt"


_UBUNTU_BRANCHES = (535, 570, 580, 590, 595)
_UBUNTU_NAMES_ONLY = {550: 580, 565: 580, 575: 580}
_DEBIAN_COMPONENTS = ("main", "contrib", "non-free", "non-free-firmware")
_UBUNTU_COMPONENTS = ("main", "restricted", "multiverse")

DISTROS: Mapping[Tuple[str, int], Distro] = {
    ("ubuntu", 22): Distro(
        "ubuntu", 22, "ubuntu2204", 515, _UBUNTU_BRANCHES, _UBUNTU_NAMES_ONLY, _UBUNTU_COMPONENTS, "5.15", "jammy"
    ),
    ("ubuntu", 24): Distro(
        "ubuntu", 24, "ubuntu2404", 550, _UBUNTU_BRANCHES, _UBUNTU_NAMES_ONLY, _UBUNTU_COMPONENTS, "6.8", "noble"
    ),
    ("debian", 12): Distro(
        "debian",
        12,
        "debian12",
        545,
        (535,),
        components=_DEBIAN_COMPONENTS,
        kernel="6.1",
        codename="bookworm",
        seen={"x86_64": 545, "aarch64": 590},
    ),
    ("debian", 13): Distro(
        "debian",
        13,
        "debian13",
        580,
        (535, 550),
        components=_DEBIAN_COMPONENTS,
        kernel="6.12",
        codename="trixie",
        seen={"x86_64": 590, "aarch64": 595},
    ),
    **{(clone, 9): Distro("el", 9, "rhel9", 515, kernel="5.14", streams=True) for clone in _CLONES},
    **{(clone, 10): Distro("el", 10, "rhel10", 570, kernel="6.12") for clone in _CLONES},
}

_ACCEPTED_VERSIONS = {("ubuntu", 22): "22.04", ("ubuntu", 24): "24.04"}


def find(os_id: str, major: int, version: str = "") -> Optional[Distro]:
    """The row of an operating system; None where its packages aren't known. Ubuntu 24.10 isn't 24.04."""
    wanted = _ACCEPTED_VERSIONS.get((os_id, major))
    if wanted and version and not version.startswith(wanted):
        return None
    return DISTROS.get((os_id, major))


def names() -> str:
    """All of them, for a message."""
    return ", ".join("%s %s" % (name, _ACCEPTED_VERSIONS.get((name, major), major)) for name, major in sorted(DISTROS))
