# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The package table: operating system x source x branch x flavour x kind -> names. Data.

``{branch}`` is the branch, ``{kernel}`` a kernel release, ``{kernel_flavour}`` what a meta package's name ends in.

Sources. Vendor's repository: driver-installation-guide, kernel-modules.html and
compute-only-and-desktop-installation.html (also as quoted in many public install scripts: ``libnvidia-compute
nvidia-dkms-open``); ubuntu26.04/install.sh of NVIDIA/gpu-driver-container (names without a branch, pinning package);
file names of 580.65.06, 590.48.01 and 595.71.05 as public projects pin them (nvidia-persistenced from 580 on apart).
Ubuntu's archive: ubuntu24.04/precompiled/local-repo.sh there, and packages.ubuntu.com. Debian: apt-cache on bookworm
and trixie, both architectures: no nvidia-headless, nvidia-driver only recommends nvidia-smi and libcuda1, and
nvidia-persistenced doesn't follow the driver's version.
EL: docs/guide-rhel8.md of NVIDIA/yum-packaging-nvidia-driver, nvidia-driver.spec (persistenced isn't required on Arm).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

ANY = 100000
UBUNTU_PLAIN_FROM = 590
"""From this branch on the vendor's names for Ubuntu have no branch in them."""
Names = Tuple[str, ...]

PACKAGE, NAME, PREFERENCES, STREAM, VERSIONLOCK = "pinning package", "name", "preferences", "stream", "versionlock"
"""How a branch is held to: a package of the vendor's, the name itself, apt preferences, a dnf stream, a dnf version."""


@dataclass(frozen=True)
class Row:
    """What to install for one choice. ``first`` to ``last``: the branches it is for, both included.

    ``module``: carries or builds the kernel modules. ``userland``: must have the driver's version. ``beside``: has a
    version of its own. ``moving``: follows new kernels, so it is never held. ``majors``: releases, none means all.
    """

    family: str
    source: str
    kind: str
    flavour: str
    module: Names
    userland: Names
    pin: str
    first: int = 0
    last: int = ANY
    majors: Tuple[int, ...] = ()
    beside: Names = ()
    moving: Names = ()
    dkms: bool = True


_OPEN, _PROPRIETARY = "open", "proprietary"
_COMPUTE, _FULL = "compute", "full"
_UBUNTU_TOOLS = ("libnvidia-compute-{branch}", "nvidia-utils-{branch}", "nvidia-compute-utils-{branch}")
_UBUNTU_SERVER = ("nvidia-utils-{branch}-server",)
_DEBIAN_TOOLS = ("nvidia-smi", "libcuda1")
_TESLA_TOOLS = ("nvidia-tesla-535-smi", "libnvidia-tesla-535-cuda1", "libnvidia-tesla-535-cfg1")
_EL_TOOLS = ("nvidia-driver-cuda", "nvidia-persistenced")
_PERSISTENCED = ("nvidia-persistenced",)
_BOOKWORM, _TRIXIE, _TRIXIE_535 = (12, 535), (13, 550), (13, 535)
"""Debian's release and the branch it has; 13 also has the older one, under names of its own."""


def _ubuntu_vendor(
    kind: str, flavour: str, module: str, *userland: str, since: int = UBUNTU_PLAIN_FROM, until: int = ANY
) -> Row:
    pin = PACKAGE if since >= UBUNTU_PLAIN_FROM else NAME
    return Row("ubuntu", "vendor", kind, flavour, (module,), userland, pin, since, until)


def _ubuntu_580(kind: str, flavour: str, module: str, *userland: str) -> Row:
    return _ubuntu_vendor(kind, flavour, module, *userland, *_PERSISTENCED, since=580, until=580)


def _ubuntu_archive(kind: str, flavour: str, userland: Names) -> Row:
    of = "linux-modules-nvidia-{branch}-server" + ("-open" if flavour == _OPEN else "")
    return Row(
        "ubuntu",
        "archive",
        kind,
        flavour,
        (of + "-{kernel}",),
        userland,
        NAME,
        moving=(of + "-{kernel_flavour}",),
        dkms=False,
    )


def _debian_vendor(kind: str, flavour: str, module: str, userland: Names) -> Tuple[Row, Row]:
    old = Row("debian", "vendor", kind, flavour, (module,), userland, PREFERENCES, 0, 575)
    return old, Row("debian", "vendor", kind, flavour, (module,), userland, PACKAGE, 580)


def _debian_archive(place: Tuple[int, int], kind: str, flavour: str, module: str, *userland: str) -> Row:
    major, branch = place
    return Row(
        "debian", "archive", kind, flavour, (module,), userland, PREFERENCES, branch, branch, (major,), _PERSISTENCED
    )


def _el(kind: str, flavour: str, module: str, userland: Names) -> Tuple[Row, Row]:
    nine = Row("el", "vendor", kind, flavour, (module,), userland, STREAM, majors=(9,))
    return nine, Row("el", "vendor", kind, flavour, (module,), userland, VERSIONLOCK, majors=(10,))


TABLE: Tuple[Row, ...] = (
    # Ubuntu, vendor's repository. From 590 on names have no branch.
    _ubuntu_vendor(_COMPUTE, _OPEN, "nvidia-dkms-open", "libnvidia-compute", *_PERSISTENCED),
    _ubuntu_vendor(_COMPUTE, _PROPRIETARY, "nvidia-dkms", "libnvidia-compute", *_PERSISTENCED),
    _ubuntu_vendor(_FULL, _OPEN, "nvidia-dkms-open", "nvidia-open", *_PERSISTENCED),
    _ubuntu_vendor(_FULL, _PROPRIETARY, "nvidia-dkms", "cuda-drivers", *_PERSISTENCED),
    # 580 has names with a branch, and the persistence daemon apart already.
    _ubuntu_580(_COMPUTE, _OPEN, "nvidia-dkms-{branch}-open", *_UBUNTU_TOOLS),
    _ubuntu_580(_COMPUTE, _PROPRIETARY, "nvidia-dkms-{branch}", *_UBUNTU_TOOLS),
    _ubuntu_580(_FULL, _OPEN, "nvidia-dkms-{branch}-open", "nvidia-open-{branch}"),
    _ubuntu_580(_FULL, _PROPRIETARY, "nvidia-dkms-{branch}", "cuda-drivers-{branch}"),
    _ubuntu_vendor(_COMPUTE, _OPEN, "nvidia-dkms-{branch}-open", *_UBUNTU_TOOLS, since=0, until=575),
    _ubuntu_vendor(_COMPUTE, _PROPRIETARY, "nvidia-dkms-{branch}", *_UBUNTU_TOOLS, since=0, until=575),
    _ubuntu_vendor(_FULL, _OPEN, "nvidia-dkms-{branch}-open", "nvidia-open-{branch}", since=560, until=575),
    _ubuntu_vendor(_FULL, _OPEN, "nvidia-dkms-{branch}-open", "nvidia-driver-{branch}-open", since=0, until=555),
    _ubuntu_vendor(_FULL, _PROPRIETARY, "nvidia-dkms-{branch}", "cuda-drivers-{branch}", since=0, until=575),
    # Ubuntu's archive: modules built and, on x86_64, signed by Canonical; the branch is always in the name.
    _ubuntu_archive(_COMPUTE, _OPEN, ("nvidia-headless-no-dkms-{branch}-server-open", *_UBUNTU_SERVER)),
    _ubuntu_archive(_COMPUTE, _PROPRIETARY, ("nvidia-headless-no-dkms-{branch}-server", *_UBUNTU_SERVER)),
    _ubuntu_archive(_FULL, _OPEN, ("nvidia-driver-{branch}-server-open",)),
    _ubuntu_archive(_FULL, _PROPRIETARY, ("nvidia-driver-{branch}-server",)),
    # Debian, vendor's repository: the names are Debian's own, the versions aren't.
    *_debian_vendor(_COMPUTE, _OPEN, "nvidia-kernel-open-dkms", ("nvidia-driver-cuda",)),
    *_debian_vendor(_COMPUTE, _PROPRIETARY, "nvidia-kernel-dkms", ("nvidia-driver-cuda",)),
    *_debian_vendor(_FULL, _OPEN, "nvidia-kernel-open-dkms", ("nvidia-open",)),
    *_debian_vendor(_FULL, _PROPRIETARY, "nvidia-kernel-dkms", ("cuda-drivers",)),
    # Debian's archive: one branch each, and 535 beside it in 13.
    _debian_archive(_BOOKWORM, _COMPUTE, _OPEN, "nvidia-open-kernel-dkms", *_DEBIAN_TOOLS),
    _debian_archive(_BOOKWORM, _COMPUTE, _PROPRIETARY, "nvidia-kernel-dkms", *_DEBIAN_TOOLS),
    _debian_archive(_BOOKWORM, _FULL, _OPEN, "nvidia-open-kernel-dkms", "nvidia-driver", *_DEBIAN_TOOLS),
    _debian_archive(_BOOKWORM, _FULL, _PROPRIETARY, "nvidia-kernel-dkms", "nvidia-driver", *_DEBIAN_TOOLS),
    _debian_archive(_TRIXIE, _COMPUTE, _OPEN, "nvidia-open-kernel-dkms", *_DEBIAN_TOOLS),
    _debian_archive(_TRIXIE, _COMPUTE, _PROPRIETARY, "nvidia-kernel-dkms", *_DEBIAN_TOOLS),
    _debian_archive(_TRIXIE, _FULL, _OPEN, "nvidia-open-kernel-dkms", "nvidia-driver", *_DEBIAN_TOOLS),
    _debian_archive(_TRIXIE, _FULL, _PROPRIETARY, "nvidia-kernel-dkms", "nvidia-driver", *_DEBIAN_TOOLS),
    _debian_archive(_TRIXIE_535, _COMPUTE, _PROPRIETARY, "nvidia-tesla-535-kernel-dkms", *_TESLA_TOOLS),
    _debian_archive(
        _TRIXIE_535, _FULL, _PROPRIETARY, "nvidia-tesla-535-kernel-dkms", "nvidia-tesla-535-driver", *_TESLA_TOOLS
    ),
    # RHEL and its rebuilds: streams in 9, none in 10.
    *_el(_COMPUTE, _OPEN, "kmod-nvidia-open-dkms", _EL_TOOLS),
    *_el(_COMPUTE, _PROPRIETARY, "kmod-nvidia-latest-dkms", _EL_TOOLS),
    *_el(_FULL, _OPEN, "kmod-nvidia-open-dkms", ("nvidia-open", "nvidia-persistenced")),
    *_el(_FULL, _PROPRIETARY, "kmod-nvidia-latest-dkms", ("cuda-drivers", "nvidia-persistenced")),
)


def find(family: str, major: int, *, source: str, branch: int, flavour: str, kind: str) -> Optional[Row]:
    """The one row for a choice; None where there is none."""
    for row in TABLE:
        choice = (row.family, row.source, row.flavour, row.kind)
        here = not row.majors or major in row.majors
        if here and choice == (family, source, flavour, kind) and row.first <= branch <= row.last:
            return row
    return None
