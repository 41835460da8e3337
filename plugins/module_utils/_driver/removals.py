# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What must go before a driver can come: packages of another flavour, source or branch. Data and one function.

Nothing here may match a package that the wanted one depends on, or it would go and come back on every run: so whole
branches go by name only where the wanted ones have another branch, and Debian's libcuda1, whose name NVIDIA's
repository uses too, is left to the pins. Names that are to be installed are never meant.
"""

from __future__ import annotations

from typing import List, Mapping, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import table
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.lockstep import PLAIN_FROM
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.table import Row

Names = Tuple[str, ...]
_ANY = "[0-9][0-9][0-9]"
_PLAIN_PARTS = ("nvidia-fabricmanager", "libnvidia-nscq", "nvidia-imex", "libnvsdm")
_BRANCHED_PARTS = tuple(name + "-{other}" for name in _PLAIN_PARTS)
_UBUNTU_PLAIN = (
    "nvidia-dkms",
    "nvidia-dkms-open",
    "nvidia-open",
    "libnvidia-compute",
    "cuda-drivers",
)
_UBUNTU_BRANCHED = (
    "nvidia-dkms-{other}",
    "nvidia-dkms-{other}-open",
    "nvidia-open-{other}",
    "nvidia-driver-{other}",
    "nvidia-driver-{other}-open",
    "libnvidia-compute-{other}",
    "nvidia-utils-{other}",
    "nvidia-compute-utils-{other}",
    "cuda-drivers-{other}",
)
_UBUNTU_SERVER = ("nvidia-*-{other}-server*", "libnvidia-*-{other}-server*", "linux-modules-nvidia-{other}-server-*")

OTHER_SOURCE: Mapping[Tuple[str, str], Names] = {
    ("ubuntu", "vendor"): tuple(name.format(other=_ANY) for name in _UBUNTU_SERVER),
    ("ubuntu", "archive"): (
        *_UBUNTU_PLAIN,
        "nvidia-persistenced",
        *(name.format(other=_ANY) for name in _UBUNTU_BRANCHED),
        *_PLAIN_PARTS,
    ),
    ("debian", "vendor"): (
        "nvidia-open-kernel-dkms",
        "nvidia-smi",
        "nvidia-tesla-*",
        "libnvidia-tesla-*",
        "firmware-nvidia-tesla-*",
    ),
    ("debian", "archive"): (
        "nvidia-kernel-open-dkms",
        "nvidia-driver-cuda",
        "nvidia-open",
        "cuda-drivers",
        *_PLAIN_PARTS,
    ),
    ("el", "vendor"): ("akmod-nvidia*",),
}
"""Packages that only the other source has, by the source that is wanted."""

OTHER_FLAVOUR: Mapping[str, Names] = {
    # The two sources conflict through a name that both provide, and apt's solver takes neither unless one is named.
    "ubuntu open": (
        *("nvidia-dkms", "cuda-drivers", "nvidia-dkms-{any}", "cuda-drivers-{any}"),
        *("nvidia-kernel-source", "nvidia-kernel-source-{any}", "nvidia-kernel-source-{any}-server"),
    ),
    "ubuntu proprietary": (
        *("nvidia-dkms-open", "nvidia-open", "nvidia-dkms-{any}-open", "nvidia-open-{any}"),
        *("nvidia-kernel-source-open", "nvidia-kernel-source-{any}-open", "nvidia-kernel-source-{any}-server-open"),
    ),
    "debian open": ("nvidia-kernel-dkms", "cuda-drivers"),
    "debian proprietary": ("nvidia-kernel-open-dkms", "nvidia-open-kernel-dkms", "nvidia-open"),
    "el open": ("kmod-nvidia-latest-dkms", "cuda-drivers"),
    "el proprietary": ("kmod-nvidia-open-dkms", "nvidia-open"),
}
"""Module packages of the flavour that isn't wanted, and the meta packages that ask for them."""

_TESLA = ("nvidia-tesla-*", "libnvidia-tesla-*", "firmware-nvidia-tesla-*")
_MAIN = ("nvidia-kernel-dkms", "nvidia-open-kernel-dkms", "nvidia-driver", "nvidia-smi")


def removals(row: Row, branch: int) -> List[str]:
    """Names and patterns, sorted."""
    found = {name.format(any=_ANY) for name in OTHER_FLAVOUR["%s %s" % (row.family, row.flavour)]}
    found |= set(OTHER_SOURCE[row.family, row.source])
    named = [*_branches(row, branch), *_prebuilt(row, branch), *_debian(row), *_pinning(row)]
    for name in named:
        found |= {name.format(other=other) for other in _others(branch)} if "{other}" in name else {name}
    return sorted(found - {name.format(branch=branch) for name in (*row.module, *row.userland) if "{k" not in name})


def _branches(row: Row, branch: int) -> List[str]:
    """Other branches' packages of the same source, and lock-step packages by the names of the other era."""
    found: List[str] = []
    if row.family == "ubuntu":
        if row.source == "archive":
            found += _UBUNTU_SERVER
        elif branch < table.UBUNTU_PLAIN_FROM:
            found += [*_UBUNTU_BRANCHED, *_UBUNTU_PLAIN]
        else:
            found += [name.format(other=_ANY) for name in _UBUNTU_BRANCHED]
    if row.source == "vendor" and branch >= PLAIN_FROM:
        found += [name.format(other=_ANY) for name in _BRANCHED_PARTS]
        found += ["nvidia-fabric-manager"] if row.family == "el" else []
    else:
        found += _BRANCHED_PARTS
        found += [name for name in _PLAIN_PARTS if row.source == "vendor"]
    return found


def _prebuilt(row: Row, branch: int) -> List[str]:
    """Ubuntu's prebuilt modules of the other flavour: "open-" begins no kernel, and no kernel's flavour but oracle."""
    if row.dkms:
        return []
    stem = "linux-modules-nvidia-%d-server-" % branch
    return [stem + end for end in (("[0-9]*", "[!o0-9]*", "oracle*") if row.flavour == "open" else ("open-*",))]


def _debian(row: Row) -> Names:
    """Debian 13's two branches against each other."""
    if row.family != "debian" or row.source != "archive":
        return ()
    return _MAIN if row.module[0].startswith("nvidia-tesla") else _TESLA


def _pinning(row: Row) -> Names:
    """Any pinning package but the wanted one: a leftover would hold another version."""
    return () if row.family == "el" else ("nvidia-driver-pinning-*",)


def _others(branch: int) -> List[str]:
    """Patterns of every number of three digits but this one."""
    digits = "%03d" % branch
    return ["%s[!%s]%s" % (digits[:place], digits[place], "[0-9]" * (2 - place)) for place in range(3)]
