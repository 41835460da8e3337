# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What is done to a host, and what it costs: reload or reboot, drain, consent. Pure.

A reload is enough where the kernel stays and nothing but the driver holds the GPUs together; hosts with NVSwitches,
IMEX or peer memory reboot (GPU operator's k8s-driver-manager unloads the rest in a fixed order). What isn't in use
needs no drain, a reboot always does: a node carries more than GPU pods.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import adjustments, state
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.host import Host
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.wish import Wish

NONE, INSTALL, UPGRADE, REPAIR, SETTINGS = "none", "install", "upgrade", "repair", "settings"
CONSENT = "nvidia_driver_disruption"

_ASIDE = re.compile(
    r"^(linux-headers-|linux-kbuild-|linux-compiler-|kernel(-\w+)?-devel|kernel-headers|nvidia-driver-pinning-)"
)
_DRIVER = re.compile(
    r"^(?!nvidia-container|libnvidia-container)(nvidia|libnvidia|libcuda|cuda-drivers|kmod-.*nvidia|libnvsdm|nvlsm"
    r"|linux-modules-nvidia|linux-objects-nvidia|firmware-nvidia|xserver-xorg-video-nvidia)"
)
_KERNEL_VERSIONED = re.compile(r"^linux-(modules|objects|signatures)-nvidia-")
_UPSTREAM = re.compile(r"^(?:\d+:)?(\d{3}(?:\.\d+)+)")
_HEADERS = re.compile(r"^linux-headers-(\d+\.\d+\.\d+(?!.*-common).*-[a-z].*)$")
_DEVEL = re.compile(r"^kernel(-\w+)?-devel$")
_HOLDERS = ("nvidia_peermem", "nvidia_fs", "gdrdrv")
"""Modules that tie the driver to network cards and storage: unloading under their users is not tried."""

Change = Mapping[str, Any]


@dataclass(frozen=True)
class Decision:
    """One host's answer."""

    action: str = NONE
    drain: bool = False
    reload: bool = False
    reboot: bool = False
    pending: str = ""
    version: str = ""
    settings: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Asked:
    """What the package manager would do. ``changes``: None before it was asked, then the facts decide.

    ``names``: the packages that have the driver's version.
    """

    changes: Optional[Sequence[Change]]
    repaired: Sequence[str]
    names: Sequence[str]


def decide(host: Host, wish: Wish, flavour: str, asked: Asked) -> Decision:
    """Decide."""
    changes = asked.changes
    wrong = state.faults(host)
    notes = list(wrong)
    touching = driver_changes(changes or ())
    wanted = state.as_wanted(host, wish.branch, wish.version, flavour)
    after = target(touching, asked.names)
    action = _action(host, asked, after, wanted, bool(wrong or asked.repaired))
    adjusted = adjustments.find(host, wish)
    if action == NONE and not state.absent(host) and (adjusted.said or adjusted.loads):
        action = SETTINGS
    version = after or wish.version or (host.driver.on_disk if wanted else "")
    if action in (INSTALL, UPGRADE) and version and _older(version, host.driver.version):
        notes.append("goes back from %s to %s" % (host.driver.version, version))
    replaced = bool(touching) or (changes is None and action in (INSTALL, UPGRADE))
    load = action != NONE and (bool(adjusted.loads) or _must_load(host, version if replaced else None, flavour))
    why = _why_reboot(host) if load else []
    if load:
        notes += why
    moves = bool(touching) or load or (changes is None and action not in (NONE, SETTINGS))
    drain = bool(why) or (moves and host.live)
    # Where there is no driver yet, nothing differs from what was.
    changed = () if action in (NONE, INSTALL) else (*adjusted.said, *adjusted.loads)
    decided = Decision(action, drain, load and not why, bool(why), "", version, changed, tuple(notes))
    return _with_consent(decided, wish)


def driver_changes(changes: Sequence[Change]) -> List[Change]:
    """The changes that touch the driver, or something that is installed already; headers and new helpers don't."""
    return [
        one
        for one in changes
        if not _ASIDE.match(str(one["name"])) and (one.get("from") or _DRIVER.match(str(one["name"])))
    ]


def target(changes: Sequence[Change], names: Sequence[str]) -> str:
    """The driver's version after the changes; empty where they don't tell. Epoch and packaging revision are cut off."""
    for one in changes:
        name, found = str(one["name"]), _UPSTREAM.match(str(one.get("to") or ""))
        if found and name in names and not _KERNEL_VERSIONED.match(name):
            return found.group(1)
    return ""


def coming_kernels(changes: Sequence[Change], architecture: str) -> List[str]:
    """Kernels whose headers the changes bring: modules are built for them too."""
    found = []
    for one in changes:
        debian, after = _HEADERS.match(str(one["name"])), str(one.get("to") or "")
        if after and debian:
            found.append(debian.group(1))
        elif after and _DEVEL.match(str(one["name"])):
            found.append("%s.%s" % (after.rpartition(":")[2], architecture))
    return found


def foreign(host: Host, changes: Optional[Sequence[Change]], names: Sequence[str]) -> bool:
    """Whether the driver that is there came from no package: all of ours would be new, and none would go."""
    touching = driver_changes(changes or ())
    ours = [one for one in touching if str(one["name"]) in names]
    if not host.driver.on_disk or not ours or state.driver_dkms(host):
        return False
    return not any(one.get("from") for one in touching)


def _action(host: Host, asked: Asked, after: str, wanted: bool, wrong: bool) -> str:
    changes, touching = asked.changes, driver_changes(asked.changes or ())
    if state.absent(host):
        return INSTALL if changes is None or touching else REPAIR if changes else NONE
    if touching or (changes is None and not wanted):
        same = wrong and wanted and after in ("", host.driver.on_disk)
        return REPAIR if same else UPGRADE
    if wrong or changes or state.outdated(host) or state.asleep(host):
        return REPAIR
    return NONE


def _must_load(host: Host, version: Optional[str], flavour: str) -> bool:
    """Whether another module must be loaded than is loaded now. version: what replaces it, None where nothing does."""
    driver = host.driver
    if version is None:
        return state.outdated(host) or not (driver.loaded or state.absent(host))
    other = bool(driver.loaded_flavour) and driver.loaded_flavour != flavour
    return not driver.loaded or other or not version or driver.loaded != version


def _why_reboot(host: Host) -> List[str]:
    """Reasons why a reload isn't enough."""
    if not host.driver.loaded:
        busy = host.nouveau_loaded and int(host.modules.get("nouveau", {}).get("refcount") or 0) > 0
        return ["reboot: nouveau drives a GPU and is in use"] if busy else []
    found = []
    if host.next != host.running:
        found.append("reboot: the next boot takes kernel %s, %s is running" % (host.next, host.running))
    if host.fabric or host.nvswitch:
        found.append("reboot: the GPUs are joined by NVSwitches")
    if host.imex:
        found.append("reboot: the GPUs share memory with other hosts (IMEX)")
    holders = [name for name in _HOLDERS if name in host.modules]
    if holders:
        found.append("reboot: %s holds the driver" % ", ".join(holders))
    return found


def _with_consent(decided: Decision, wish: Wish) -> Decision:
    pending = ""
    if decided.reboot and wish.reboot == "never":
        pending = "needs a reboot, and nvidia_driver_reboot is never"
    elif decided.drain and not wish.disruption:
        how = "a reboot" if decided.reboot else "a reload" if decided.reload else "a change under users"
        pending = "needs a drain and %s: allow it with %s" % (how, CONSENT)
    parts: Dict[str, Any] = dict(decided.__dict__)
    return Decision(**{**parts, "pending": pending})


def _older(one: str, other: str) -> bool:
    return bool(other) and _numbers(one) < _numbers(other)


def _numbers(version: str) -> List[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
