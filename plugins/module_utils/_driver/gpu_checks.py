# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a host's system and GPUs rule out. Each check yields what it objects to. Pure."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import branches, distros
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import flavour as flavours
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.case import (
    BRANCH,
    FLAVOUR,
    Case,
    Refusal,
    listed,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.distros import ARCHITECTURES


def system(case: Case) -> Iterator[Refusal]:
    """A system and an architecture with known packages."""
    host = case.host
    if case.distro is None:
        name = host.os_name or "an unknown operating system"
        yield Refusal("os", "packages for %s aren't known" % name, "use one of %s" % distros.names())
    if host.architecture not in ARCHITECTURES:
        text = "the driver has no packages for %s" % (host.architecture or "an unknown architecture")
        yield Refusal("architecture", text, "use x86_64 or aarch64")


def virtual(case: Case) -> Iterator[Refusal]:
    """No guest, and no driver that a container brings."""
    if case.host.vgpu_guest:
        reason = "this is a vGPU guest: it needs NVIDIA's licensed guest driver of the host's release"
        fix = "install that driver by the means it came with, and take the host out of the group gpu_nodes"
        yield Refusal("vgpu", reason, fix)
    if case.host.containerised:
        reason = "a container brings the driver of this host (NVIDIA's GPU operator)"
        fix = "disable the operator's driver (driver.enabled=false), or take the host out of the group gpu_nodes"
        yield Refusal("containerised", reason, fix)


def gpus(case: Case) -> Iterator[Refusal]:
    """As many GPUs as there should be."""
    host = case.host
    expected = case.wish.expected_gpus or host.expected_gpus
    if expected and expected != host.found_gpus:
        reason = "%d GPUs found on the PCI bus, %d expected" % (host.found_gpus, expected)
        fix = "look at the hardware (dmesg, BMC), or correct nvidia_driver_expected_gpus"
        yield Refusal("gpu_count", reason, fix)


def mixture(case: Case) -> Iterator[Refusal]:
    """One sort of kernel module for all of its GPUs."""
    old, new = flavours.too_old_for_open(case.host), flavours.only_open(case.host)
    if old and new:
        text = "%s need proprietary modules, %s need open ones, and a host can have only one of them"
        fix = "take the older or the newer GPUs out of this host, or pass them through to guests"
        yield Refusal("generations", text % (listed(old), listed(new)), fix)


def flavour(case: Case) -> Iterator[Refusal]:
    """A flavour that the GPUs take and the branch has."""
    host, wish = case.host, case.wish
    old, new = flavours.too_old_for_open(host), flavours.only_open(host)
    if wish.flavour == flavours.OPEN and old:
        text = "open modules don't drive %s: they have no GSP processor" % listed(old)
        yield Refusal("open_too_old", text, "set %s to auto or proprietary" % FLAVOUR)
    if wish.flavour == flavours.PROPRIETARY and new:
        text = "proprietary modules don't drive %s" % listed(new)
        yield Refusal("proprietary_too_new", text, "set %s to auto or open" % FLAVOUR)
    if case.flavour == flavours.PROPRIETARY and wish.number > branches.LAST_PROPRIETARY:
        text = "branch %s has open modules only" % wish.branch
        yield Refusal("branch_flavour", text, "set %s to %d or older" % (BRANCH, branches.LAST_PROPRIETARY))
    if case.flavour == flavours.OPEN and wish.number < branches.FIRST_OPEN:
        text = "branch %s has no open modules" % wish.branch
        yield Refusal("branch_flavour", text, "set %s to %d or newer" % (BRANCH, branches.FIRST_OPEN))


def branch(case: Case) -> Iterator[Refusal]:
    """A branch that drives the GPUs, and a version of it."""
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
