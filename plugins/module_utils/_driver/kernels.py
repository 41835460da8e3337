# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Kernel releases: what their headers are called, and what follows their flavour. Pure.

Debian: linux-headers-<flavour> pulls those of every next kernel; Ubuntu likewise, with -hwe-<version> for kernels newer
than the release's first series (generic and its kin; cloud flavours roll by themselves). EL: kernel-devel-matched keeps
kernel-devel beside the kernel (driver-installation-guide, pre-installation actions); unversioned it would bring a
newer kernel along, so it is asked for by the next kernel's release. GH200 hosts run 64k kernels, Oracle's UEK has
names of its own.
"""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.distros import Distro

_DEBIAN = re.compile(r"^\d+\.\d+.*?-(?P<flavour>(?:cloud-|rt-)?(?:amd64|arm64)(?:-16k)?)$")
_UBUNTU = re.compile(r"^(?P<series>\d+\.\d+)\.\d+-\d+-(?P<flavour>[a-z][a-z0-9-]*)$")
_EL = re.compile(r"^(?P<base>\d.*\.el\d+(?P<uek>uek)?(?:[\w.]*?)?\.(?:x86_64|aarch64))(?:\+(?P<flavour>[a-z0-9]+))?$")
_ENHANCED = ("generic", "generic-64k", "lowlatency", "lowlatency-64k", "nvidia", "nvidia-64k")
"""Ubuntu flavours whose newer kernels in a long-term release are called hwe."""
PREBUILT = (*_ENHANCED, "aws", "azure", "gcp", "oracle")
"""Ubuntu flavours that Canonical builds the driver's modules for (packages.ubuntu.com, similar packages)."""
_HWE = {"jammy": "22.04", "noble": "24.04"}


def meta_flavour(distro: Distro, release: str) -> Optional[str]:
    """What a meta package's name ends in for this kernel; None where it isn't a kernel of the distribution."""
    if distro.family == "debian":
        found = _DEBIAN.match(release)
        return found.group("flavour") if found else None
    found = _UBUNTU.match(release)
    if distro.family != "ubuntu" or not found:
        return None
    flavour = found.group("flavour")
    if flavour in _ENHANCED and found.group("series") != distro.kernel:
        return "%s-hwe-%s" % (flavour, _HWE[distro.codename])
    return flavour


def prebuilt(release: str) -> bool:
    """Whether Ubuntu's archive has driver modules for this sort of kernel."""
    found = _UBUNTU.match(release)
    return bool(found and found.group("flavour") in PREBUILT)


def known(distro: Distro, release: str) -> bool:
    """Whether the distribution's archive can be expected to have headers for it."""
    return bool(_EL.match(release)) if distro.family == "el" else meta_flavour(distro, release) is not None


def headers(distro: Distro, running: str, following: str) -> List[str]:
    """The packages with the headers of the running kernel, the next one and those to come; a custom kernel has none."""
    found: List[str] = []
    for release in dict.fromkeys((running, following)):
        if known(distro, release):
            found += _el(release) if distro.family == "el" else ["linux-headers-%s" % release]
    if distro.family == "el":
        matched = _matched(following)
        return list(dict.fromkeys(found + ([*matched, "kernel-headers"] if found else [])))
    flavour = meta_flavour(distro, following)
    return found + (["linux-headers-%s" % flavour] if flavour else [])


def _parts(release: str) -> Optional[Tuple[str, str]]:
    """The package's infix ("", "-64k", "-rt", "-uek") and the release as rpm has it."""
    found = _EL.match(release)
    if not found:
        return None
    if found.group("uek"):
        return "-uek", found.group("base")
    flavour = found.group("flavour")
    return ("-%s" % flavour if flavour else ""), found.group("base")


def _el(release: str) -> List[str]:
    parts = _parts(release)
    return ["kernel%s-devel-%s" % parts] if parts else []


def _matched(release: str) -> List[str]:
    parts = _parts(release)
    return ["kernel%s-devel-matched-%s" % parts] if parts and parts[0] != "-uek" else []


def at_least(release: str, minimum: str) -> bool:
    """Whether a kernel is that version or newer, by its leading numbers."""
    return _numbers(release) >= _numbers(minimum)


def _numbers(text: str) -> List[int]:
    leading = re.match(r"\d+(?:[.-]\d+)*", text)
    return [int(number) for number in re.split(r"[.-]", leading.group())] if leading else []
