# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What the source of the packages and the kernel rule out. Each check yields what it objects to. Pure."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import (
    adjustments,
    kernels,
    known_bad,
    lockstep,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.case import (
    BRANCH,
    FLAVOUR,
    SOURCE,
    Case,
    Refusal,
    choice,
    listed,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.host import Host


def source(case: Case) -> Iterator[Refusal]:
    """A source that has the branch in this flavour."""
    distro, wish = case.distro, case.wish
    if distro is None or not wish.number:
        return
    if wish.source == "vendor":
        if wish.number < distro.vendor_first:
            text = "NVIDIA's repository for %s begins with branch %d" % (distro.vendor, distro.vendor_first)
            yield Refusal("branch_os", text, "set %s to %d or newer" % (BRANCH, distro.vendor_first), firm=False)
        return
    if wish.mirror:
        text = "nvidia_driver_mirror stands for NVIDIA's repository, and the distribution's archive is wanted"
        yield Refusal("mixed_sources", text, "set %s to vendor, or leave nvidia_driver_mirror empty" % SOURCE)
    if distro.family == "el":
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


def fabric(case: Case) -> Iterator[Refusal]:
    """A source and a branch that have what the fabric needs."""
    host, distro, wish = case.host, case.distro, case.wish
    if distro is None:
        return
    missing = lockstep.lacking(host, distro.family, wish.source)
    if missing and distro.family != "el":
        text = "%s's archive lacks %s, which this host's NVSwitch or IMEX needs" % (distro.codename, listed(missing))
        yield Refusal("archive_fabric", text, "set %s to vendor" % SOURCE)
    early = lockstep.too_new(host, wish.number) if wish.number else []
    if early:
        text = "branch %s has no %s, which this host needs" % (wish.branch, listed(part.plain for part in early))
        yield Refusal("branch_fabric", text, "set %s to %d or newer" % (BRANCH, max(part.first for part in early)))


def secure_boot(case: Case) -> Iterator[Refusal]:
    """Modules that Secure Boot lets in."""
    host, row = case.host, case.row
    if not host.secure_boot or case.wish.machine_owner_key or row is None or _key_is_proven(host):
        return
    if not row.dkms and host.architecture == "x86_64":
        return
    ways = ["set %s to archive: Canonical signs its prebuilt modules" % SOURCE] if _is_signed_elsewhere(case) else []
    ways.append("enrol a machine owner key for DKMS at the console, then set nvidia_driver_machine_owner_key")
    reason = "Secure Boot is on, and these modules are signed by nobody it trusts"
    yield Refusal("secure_boot", reason, "; or ".join(ways))


def _is_signed_elsewhere(case: Case) -> bool:
    """Whether Ubuntu's archive could serve this host: the branch, the kernel, the architecture and the fabric."""
    host, distro = case.host, case.distro
    return (
        distro is not None
        and distro.family == "ubuntu"
        and host.architecture == "x86_64"
        and case.wish.number in distro.archive
        and kernels.prebuilt(host.next)
        and not lockstep.lacking(host, distro.family, "archive")
    )


def _key_is_proven(host: Host) -> bool:
    """A module that DKMS built here is loaded under Secure Boot: its key is trusted."""
    built = {str(one.get("version")) for one in host.dkms if one.get("built") and one.get("kernel") == host.running}
    return bool(host.driver.loaded) and host.driver.loaded in built


def headers(case: Case) -> Iterator[Refusal]:
    """Headers, or prebuilt modules, for the kernels of now and of the next boot."""
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


def options(case: Case) -> Iterator[Refusal]:
    """Module options that nothing else on the host overrules."""
    for text in adjustments.overridden(case.host, case.wish):
        yield Refusal("module_options", text, "take it out there, or set nvidia_driver_module_options to the same")


def bad(case: Case) -> Iterator[Refusal]:
    """A driver that isn't known to fail here."""
    for bad, kernel, certain in known_bad.matching(choice(case)):
        if certain:
            yield Refusal("known_bad", bad.reason.format(kernel=kernel), bad.fix, firm=False)
