# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Wishes that can't come true, with the reason and a way out; all of them at once, before anything changes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import (
    branches,
    distros,
    kernels,
    known_bad,
    lockstep,
    table,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import (
    flavour as flavours,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.distros import ARCHITECTURES, Distro
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.host import Host
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.wish import Wish

BRANCH, SOURCE, FLAVOUR = "nvidia_driver_branch", "nvidia_driver_source", "nvidia_driver_flavour"


@dataclass(frozen=True)
class Refusal:
    """Why not, and what to do. ``code`` is stable: ``accept`` takes it, where ``firm`` is false."""

    code: str
    reason: str
    fix: str
    firm: bool = True

    def result(self) -> Dict[str, str]:
        """The refusal as a plan shows it."""
        return {"code": self.code, "reason": self.reason, "fix": self.fix}


@dataclass(frozen=True)
class Case:
    """All that a check looks at."""

    host: Host
    wish: Wish
    distro: Optional[Distro]
    flavour: str

    @property
    def row(self) -> Optional[table.Row]:
        """The table's row, where there is one."""
        if self.distro is None:
            return None
        wish, distro = self.wish, self.distro
        return table.find(
            distro.family,
            distro.major,
            source=wish.source,
            branch=wish.number,
            flavour=self.flavour,
            kind=wish.kind,
        )


Check = Callable[[Case], Iterator[Refusal]]


def _system(case: Case) -> Iterator[Refusal]:
    host = case.host
    if case.distro is None:
        name = host.os_name or "an unknown operating system"
        yield Refusal("os", "packages for %s aren't known" % name, "use one of %s" % distros.names())
    if host.architecture not in ARCHITECTURES:
        text = "the driver has no packages for %s" % (host.architecture or "an unknown architecture")
        yield Refusal("architecture", text, "use x86_64 or aarch64")


def _virtual(case: Case) -> Iterator[Refusal]:
    if case.host.vgpu_guest:
        reason = "this is a vGPU guest: it needs NVIDIA's licensed guest driver of the host's release"
        fix = (
            "install that driver by the means it came with, and take the host out of the role with nvidia_driver_manage"
        )
        yield Refusal("vgpu", reason, fix)
    if case.host.containerised:
        reason = "a container brings the driver of this host (NVIDIA's GPU operator)"
        fix = "disable the operator's driver (driver.enabled=false) and let it leave the host, or take the host out"
        yield Refusal("containerised", reason, fix)


def _gpus(case: Case) -> Iterator[Refusal]:
    host = case.host
    expected = case.wish.expected_gpus or host.expected_gpus
    if expected and expected != host.found_gpus:
        reason = "%d GPUs found on the PCI bus, %d expected" % (host.found_gpus, expected)
        fix = "look at the hardware (dmesg, BMC), or correct nvidia_driver_expected_gpus"
        yield Refusal("gpu_count", reason, fix)


def _mixture(case: Case) -> Iterator[Refusal]:
    old, new = flavours.too_old_for_open(case.host), flavours.only_open(case.host)
    if old and new:
        text = "%s need proprietary modules, %s need open ones, and a host can have only one of them"
        fix = "take the older or the newer GPUs out of this host, or pass them through to guests"
        yield Refusal("generations", text % (_listed(old), _listed(new)), fix)


def _flavour(case: Case) -> Iterator[Refusal]:
    host, wish = case.host, case.wish
    old, new = flavours.too_old_for_open(host), flavours.only_open(host)
    if wish.flavour == flavours.OPEN and old:
        text = "open modules don't drive %s: they have no GSP processor" % _listed(old)
        yield Refusal("open_too_old", text, "set %s to auto or proprietary" % FLAVOUR)
    if wish.flavour == flavours.PROPRIETARY and new:
        text = "proprietary modules don't drive %s" % _listed(new)
        yield Refusal("proprietary_too_new", text, "set %s to auto or open" % FLAVOUR)
    if case.flavour == flavours.PROPRIETARY and wish.number > branches.LAST_PROPRIETARY:
        text = "branch %s has open modules only" % wish.branch
        yield Refusal("branch_flavour", text, "set %s to %d or older" % (BRANCH, branches.LAST_PROPRIETARY))
    if case.flavour == flavours.OPEN and wish.number < branches.FIRST_OPEN:
        text = "branch %s has no open modules" % wish.branch
        yield Refusal("branch_flavour", text, "set %s to %d or newer" % (BRANCH, branches.FIRST_OPEN))


def _branch(case: Case) -> Iterator[Refusal]:
    host, wish = case.host, case.wish
    if not wish.number:
        yield Refusal("branch", "%r is no branch" % wish.branch, "set %s to a number such as 580" % BRANCH)
        return
    if wish.number not in branches.BRANCHES and wish.number < branches.NEWEST:
        text = "there is no branch %s" % wish.branch
        near = [number for number in branches.BRANCHES if number > wish.number][:1]
        yield Refusal("branch", text, "the next one is %s" % near[0])
    for generation in sorted(host.generations):
        if generation != "unknown" and not branches.drives(wish.number, generation):
            text = "branch %s doesn't drive %s GPUs" % (wish.branch, generation)
            yield Refusal("branch_gpu", text, "set %s to %s" % (BRANCH, branches.suited(generation)))
    if wish.version and wish.version.partition(".")[0] != wish.branch:
        text = "version %s isn't one of branch %s" % (wish.version, wish.branch)
        fix = "set %s to %s, or take another nvidia_driver_version" % (BRANCH, wish.version.partition(".")[0])
        yield Refusal("version", text, fix)


def _source(case: Case) -> Iterator[Refusal]:
    distro, wish = case.distro, case.wish
    if distro is None or not wish.number:
        return
    if wish.source == "vendor":
        if wish.number < distro.vendor_first:
            text = "NVIDIA's repository for %s begins with branch %d" % (distro.vendor, distro.vendor_first)
            yield Refusal("branch_os", text, "set %s to %d or newer" % (BRANCH, distro.vendor_first), firm=False)
    elif distro.family == "el":
        text = "%s has no driver in its own repositories" % case.host.os_name
        yield Refusal("archive", text, "set %s to vendor" % SOURCE)
    elif wish.number in distro.transitional:
        text = "%s's branch %s is only a name for %d" % (distro.codename, wish.branch, distro.transitional[wish.number])
        yield Refusal("branch_os", text, "set %s to %d" % (BRANCH, distro.transitional[wish.number]))
    elif wish.number not in distro.archive:
        has = ", ".join(str(number) for number in distro.archive)
        text = "%s's archive has no branch %s" % (distro.codename, wish.branch)
        yield Refusal("branch_os", text, "set %s to one of %s, or %s to vendor" % (BRANCH, has, SOURCE), firm=False)
    elif case.row is None:
        text = "%s's archive has no %s modules of branch %s" % (distro.codename, case.flavour, wish.branch)
        yield Refusal("archive_flavour", text, "set %s to vendor, or take another %s" % (SOURCE, FLAVOUR))


def _fabric(case: Case) -> Iterator[Refusal]:
    host, distro, wish = case.host, case.distro, case.wish
    if distro is None:
        return
    missing = lockstep.lacking(host, distro.family, wish.source)
    if missing and distro.family != "el":
        text = "%s's archive lacks %s, which this host's NVSwitch or IMEX needs" % (distro.codename, _listed(missing))
        yield Refusal("archive_fabric", text, "set %s to vendor" % SOURCE)
    for what, needed in (("NVLink5", host.fabric and host.nvlink5), ("IMEX", host.imex)):
        if needed and 0 < wish.number < lockstep.FIRST_FOR[what]:
            text = "branch %s can't look after %s" % (wish.branch, what)
            yield Refusal("branch_fabric", text, "set %s to %d or newer" % (BRANCH, lockstep.FIRST_FOR[what]))


def _secure_boot(case: Case) -> Iterator[Refusal]:
    host, row = case.host, case.row
    if not host.secure_boot or case.wish.machine_owner_key or row is None or _key_is_proven(host):
        return
    if not row.dkms and host.architecture == "x86_64":
        return
    signed = "set %s to archive: Canonical signs its prebuilt modules; " % SOURCE
    way = signed if case.distro is not None and case.distro.family == "ubuntu" and row.dkms else ""
    if host.architecture != "x86_64":
        way = ""
    fix = "%senrol a machine owner key for DKMS at the console, then set nvidia_driver_machine_owner_key" % way
    yield Refusal("secure_boot", "Secure Boot is on, and these modules are signed by nobody it trusts", fix)


def _key_is_proven(host: Host) -> bool:
    """A module that DKMS built here is loaded under Secure Boot: its key is trusted."""
    built = {str(one.get("version")) for one in host.dkms if one.get("built") and one.get("kernel") == host.running}
    return bool(host.driver.loaded) and host.driver.loaded in built


def _headers(case: Case) -> Iterator[Refusal]:
    host, distro, row = case.host, case.distro, case.row
    if distro is None or row is None or case.wish.headers:
        return
    for release in dict.fromkeys((host.running, host.next)):
        if not release:
            continue
        if row.dkms and not kernels.known(distro, release) and not host.has_headers(release):
            text = "kernel %s isn't one of the distribution's and its headers aren't there" % release
            yield Refusal("headers", text, "install them, or name their packages in nvidia_driver_headers")
        if not row.dkms and not kernels.prebuilt(release):
            text = "%s's archive has no prebuilt modules for kernel %s" % (distro.codename, release)
            yield Refusal("headers", text, "boot a kernel of the distribution, or set %s to vendor" % SOURCE)


def _bad(case: Case) -> Iterator[Refusal]:
    for bad, kernel, certain in known_bad.matching(choice(case)):
        if certain:
            yield Refusal("known_bad", bad.reason.format(kernel=kernel), bad.fix, firm=False)


def choice(case: Case) -> known_bad.Choice:
    """What the table of known faults is asked with."""
    wish = case.wish
    dkms = case.row is None or case.row.dkms
    return known_bad.Choice(case.host, wish.source, wish.number, wish.version, case.flavour, dkms)


CHECKS: Tuple[Check, ...] = (
    _system,
    _virtual,
    _gpus,
    _mixture,
    _flavour,
    _branch,
    _source,
    _fabric,
    _secure_boot,
    _headers,
    _bad,
)


def refusals(case: Case) -> Tuple[List[Refusal], List[str]]:
    """All refusals, and notes about those that the wish accepts."""
    found = [refusal for check in CHECKS for refusal in check(case)]
    accepted = [one for one in found if not one.firm and one.code in case.wish.accept]
    return [one for one in found if one not in accepted], ["accepted: %s" % one.reason for one in accepted]


def _listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))
