# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a host's driver is like now, beside a wish: absent, as wanted, broken, or waiting to be loaded. Pure."""

from __future__ import annotations

import re
from typing import List

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.host import Host

_MODULE = re.compile(r"^nvidia(-current|-tesla|-open|-legacy|-[0-9]|$)")
"""What DKMS calls the driver: nvidia (NVIDIA, Ubuntu), nvidia-current, nvidia-current-open, nvidia-tesla-535 (Debian).

nvidia-fs and nvidia-peermem are others."""


def absent(host: Host) -> bool:
    """Whether there is no driver at all, not even a half."""
    driver = host.driver
    return not (driver.on_disk or driver.userland or driver.loaded or driver_dkms(host))


def driver_dkms(host: Host) -> List[str]:
    """The versions of the driver that DKMS knows of."""
    return sorted({str(one.get("version")) for one in host.dkms if _MODULE.match(str(one.get("module") or ""))})


def as_wanted(host: Host, branch: str, version: str, flavour: str) -> bool:
    """Whether what is on disk is of the wanted version (or branch) and flavour."""
    driver = host.driver
    right = driver.on_disk == version if version else driver.on_disk.partition(".")[0] == branch
    return bool(driver.on_disk) and right and (driver.flavour or flavour) == flavour


def faults(host: Host) -> List[str]:
    """What is broken about the driver of a host that has one, in words."""
    driver = host.driver
    found: List[str] = []
    if absent(host):
        return found
    if driver.on_disk and driver.userland and driver.on_disk != driver.userland:
        found.append("userland is %s, the module on disk %s" % (driver.userland, driver.on_disk))
    if driver.on_disk and not driver.userland:
        found.append("the module is there (%s), its userland isn't" % driver.on_disk)
    if not driver.on_disk:
        there = driver.userland or driver.loaded or "a part of it"
        found.append("kernel %s has no module for it, though %s is there" % (host.running or "?", there))
    if driver.on_disk and not driver.on_disk_next:
        found.append("kernel %s, which the next boot takes, has no module" % host.next)
    return found + _unbuilt(host)


def archive_modules(host: Host) -> List[str]:
    """Modules that Debian's archive brought: it names them after their variant, NVIDIA names them nvidia."""
    names = {str(one.get("module")) for one in host.dkms if _MODULE.match(str(one.get("module") or ""))}
    return sorted(names - {"nvidia"})


def _unbuilt(host: Host) -> List[str]:
    """Kernels that DKMS built the driver's newest version for in vain; it looks at the running and the next one."""
    versions = driver_dkms(host)
    found: List[str] = []
    for release in dict.fromkeys((host.running, host.next)):
        entries = [one for one in host.dkms if one.get("kernel") == release]
        for one in entries:
            if str(one.get("version")) in versions and _MODULE.match(str(one.get("module") or "")) and not _good(one):
                state = one.get("state") or "not built"
                text = "DKMS has %s %s %s for kernel %s" % (one["module"], one["version"], state, release)
                found.append(text + ("" if one.get("built") else ", and the module isn't there"))
    return found


def _good(entry: object) -> bool:
    return isinstance(entry, dict) and entry.get("state") == "installed" and bool(entry.get("built"))


def outdated(host: Host) -> bool:
    """Whether another version or flavour is loaded than the next load would bring."""
    driver = host.driver
    if not driver.loaded or not driver.on_disk:
        return False
    other = bool(driver.flavour and driver.loaded_flavour and driver.flavour != driver.loaded_flavour)
    return driver.loaded != driver.on_disk or other


def asleep(host: Host) -> bool:
    """Whether there is a module and nobody loaded it."""
    return bool(host.driver.on_disk) and not host.driver.loaded
