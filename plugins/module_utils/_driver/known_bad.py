# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Drivers that are known not to work somewhere: refused, or told of. Data and one function.

Each entry names where it is known from. A refusal needs certainty about what will be installed: where the branch alone
is given and a newer version of it is good, the entry is a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.host import Host
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.kernels import at_least


@dataclass(frozen=True)
class Choice:
    """What a plan comes to: enough of it to recognise a bad one. ``kernels``: those that modules are built for."""

    host: Host
    source: str
    branch: int
    version: str
    flavour: str
    kernels: Tuple[str, ...]


@dataclass(frozen=True)
class Bad:
    """A driver that fails. ``first`` to ``last``: its versions, both included, the branch where empty.

    ``kernel``: from this kernel on, or any. ``systems``: only there, (id, major), or anywhere.
    """

    branch: int
    reason: str
    fix: str
    source_of_fact: str
    first: str = ""
    last: str = ""
    flavour: str = ""
    source: str = ""
    kernel: str = ""
    kernel_below: str = ""
    systems: Tuple[Tuple[str, int], ...] = ()
    when: Optional[Callable[[Host], bool]] = None


def _mixed_mig(host: Host) -> bool:
    return host.mixed_mig


_EL9 = tuple((name, 9) for name in ("rhel", "rocky", "almalinux", "ol"))

KNOWN_BAD: Tuple[Bad, ...] = (
    Bad(
        550,
        "Debian's nvidia-open-kernel-dkms 550 doesn't build for kernel {kernel} (6.12.107 changed pci_resize_resource)",
        "set nvidia_driver_source to vendor, or nvidia_driver_flavour to proprietary",
        "built by us on Debian 13, 550.163.01-2 and its backport -4~bpo13",
        flavour="open",
        source="archive",
        kernel="6.12.107",
        systems=(("debian", 13),),
    ),
    Bad(
        575,
        "the open modules of branch 575 don't build for kernel {kernel} of EL 9.8, and 575 gets no fixes",
        "take branch 580 or newer",
        "NVIDIA/open-gpu-kernel-modules issue 1176",
        flavour="open",
        kernel="5.14.0-687",
        kernel_below="5.15",
        systems=_EL9,
    ),
    Bad(
        570,
        "NVML of 570.124 to 570.158 fails where some GPUs of a host are in MIG mode and others aren't",
        "take a version of 570 after 570.158, or branch 580",
        "NVIDIA/cloud-native-docs gpu-operator/troubleshooting, NVIDIA/gpu-operator issue 1361",
        first="570.124",
        last="570.158",
        when=_mixed_mig,
    ),
    Bad(
        570,
        "570 before 570.195 doesn't build for kernel {kernel}",
        "take 570.195.03 or newer, or branch 580",
        "Frogging-Family/nvidia-all issue 310 (570.183 on 6.17.1)",
        first="570",
        last="570.183",
        kernel="6.17",
    ),
    Bad(
        580,
        "580.119 and older don't build for kernel {kernel}",
        "take a newer version of 580",
        "Frogging-Family/nvidia-all issue 379 (580.119.02 on 7.0.9)",
        first="580",
        last="580.119",
        kernel="7.0",
    ),
    Bad(
        580,
        "580.142 and older don't build for kernel {kernel}",
        "take 580.159.04 or newer",
        "void-linux/void-packages issue 61087",
        first="580",
        last="580.142",
        kernel="7.1",
    ),
)


def matching(choice: Choice) -> List[Tuple[Bad, str, bool]]:
    """The entries that a choice meets: entry, the kernel it fails for ("" where that is no matter), whether certain."""
    found = []
    for bad in KNOWN_BAD:
        kernel = _kernel(bad, choice) if _same(bad, choice) else None
        if kernel is not None:
            within = _within(bad, choice.version)
            if within is not False:
                found.append((bad, kernel, bool(within) or not bad.first))
    return found


def _same(bad: Bad, choice: Choice) -> bool:
    host = choice.host
    return (
        bad.branch == choice.branch
        and bad.flavour in ("", choice.flavour)
        and bad.source in ("", choice.source)
        and (not bad.systems or (host.os_id, host.os_major) in bad.systems)
        and (bad.when is None or bad.when(host))
    )


def _kernel(bad: Bad, choice: Choice) -> Optional[str]:
    """The first kernel it fails for; None where it fails for none of them. What was built here all the same is fine."""
    if not bad.kernel:
        return ""
    for release in choice.kernels:
        below = not bad.kernel_below or not at_least(release, bad.kernel_below)
        if release and at_least(release, bad.kernel) and below and not _built(choice, release):
            return release
    return None


def _built(choice: Choice, release: str) -> bool:
    """Whether DKMS has this branch, in this flavour, for a kernel already: somebody's patch, or a newer package."""
    same = choice.host.driver.flavour == choice.flavour
    found = [one for one in choice.host.dkms if one.get("kernel") == release and one.get("built")]
    return same and any(str(one.get("version")).startswith("%d." % choice.branch) for one in found)


def _within(bad: Bad, version: str) -> Optional[bool]:
    """Whether a version is one of the bad ones; None where it isn't known."""
    if not bad.first:
        return True
    if not version:
        return None
    given = [int(part) for part in version.split(".") if part.isdigit()]
    first, last = ([int(part) for part in end.split(".")] for end in (bad.first, bad.last))
    return first <= given and given[: len(last)] <= last
