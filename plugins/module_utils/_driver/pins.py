# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""How packages are held to a source and a branch before they are installed, and held there after. Pure.

Written as apt preferences: of several records for one version the first counts (apt_preferences(5)), so the order of
the list is part of it. It denies the other source, allows the branch (above 1000: also as a downgrade), and denies
every other version; nothing is ever taken from the wrong place, a missing branch is an error of the solver. The
archive is allowed as a whole, also as a downgrade: its versions are older than what NVIDIA's repository left. The
container toolkit, DCGM and the EGL libraries have versions of their own and are in none of the lists.
"""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import table
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.distros import Distro
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.repository import ORIGIN
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.table import Row

Pin = Dict[str, Any]
ALLOW, DENY, NEUTRAL = 1001, -1, 500

_LIBRARIES = (
    "allocator api cfg common compiler compute decode encode extra fbc gl gpucomp glcore eglcore glvkspirv ml ngx nscq",
    "nvvm opencl opticalflow pkcs11 ptxjitcompiler rtcore sandboxutils",
)
_PROGRAMS = (
    "compute-utils dkms driver fabricmanager firmware headless imex kernel modprobe open- persistenced settings smi",
    "utils",
)
_OTHERS = (
    "nvidia-open cuda-drivers* libcuda1 libcudadebugger1 libnvcuvid1 libnvsdm* firmware-nvidia-gsp*",
    "xserver-xorg-video-nvidia*",
)
FOLLOWERS = " ".join(
    ["libnvidia-%s*" % name for line in _LIBRARIES for name in line.split()]
    + ["nvidia-%s*" % name for line in _PROGRAMS for name in line.split()]
    + list(_OTHERS)
)
"""Patterns of everything that has the driver's version in the vendor's apt repositories."""

_ARCHIVE_ORIGIN = {"ubuntu": "Ubuntu", "debian": "Debian"}


def version_pattern(branch: str, version: str) -> str:
    """What a version of the branch, or the version asked for, looks like to apt and dnf."""
    return "%s*" % version if version else "%s.*" % branch


def pins(distro: Distro, row: Row, branch: str, version: str) -> List[Pin]:
    """The records, most special first."""
    if distro.package_manager == "dnf":
        return [_pin("*nvidia*", "version %s" % version_pattern(branch, version), ALLOW)]
    wanted = _pin(FOLLOWERS, "version %s" % version_pattern(branch, version), ALLOW)
    own = _ARCHIVE_ORIGIN[distro.family]
    if row.source == "vendor":
        return [
            _pin("nvidia-driver-pinning-*", "release o=%s" % ORIGIN, NEUTRAL),
            _pin(FOLLOWERS, "release o=%s" % own, DENY),
            wanted,
            _pin(FOLLOWERS, "version *", DENY),
        ]
    names = (*(row.module if row.dkms else ()), *row.userland)
    exact = [{**wanted, "packages": " ".join(name.format(branch=branch) for name in names)}] if version else []
    return [_pin(FOLLOWERS, "release o=%s" % ORIGIN, DENY), *exact, _pin(FOLLOWERS, "release o=%s" % own, ALLOW)]


def pinning_package(row: Row, branch: str, version: str) -> List[str]:
    """The vendor's package that pins, where the branch has one: it keeps a person's own apt to the branch too."""
    return ["nvidia-driver-pinning-%s" % (version or branch)] if row.pin == table.PACKAGE else []


def stream(row: Row, branch: str, flavour: str) -> str:
    """The dnf module stream; empty where there are none."""
    if row.pin != table.STREAM:
        return ""
    return "%s-%s" % (branch, "open" if flavour == "open" else "dkms")


def _pin(packages: str, pin: str, priority: int) -> Pin:
    return {"packages": packages, "pin": pin, "priority": priority}
