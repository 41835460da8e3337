# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The kernels on disk, their headers, and the one that the next boot takes."""

from __future__ import annotations

import re
from typing import Dict, List, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _boot
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import InstalledKernel, Kernel

MODULES = "/lib/modules"
HEADERS = (MODULES + "/%s/build/Makefile", "/usr/src/linux-headers-%s/Makefile", "/usr/src/kernels/%s/Makefile")
"""Where a module's build looks (a link that EL's kernel packages ship even without kernel-devel), and where Debian and
EL put them."""

IMAGE = re.compile(r"^(?:vmlinuz|vmlinux|Image)-(?P<release>\d.*?)(?<!\.old)$")
RESCUE = "rescue"
RELEASE = re.compile(r"^\d+\.\d+")
PART = re.compile(r"~|\d+|[A-Za-z]+")

Version = List[Tuple[int, int, str]]


def read(root: Root) -> Kernel:
    """The running kernel, the next one, and all that are installed, newest first."""
    running = root.text("/proc/sys/kernel/osrelease")
    kernels = installed(root)
    bootable = [kernel["release"] for kernel in kernels if kernel["image"]]
    return {"running": running, "next": _boot.next_release(root, bootable) or running, "installed": kernels}


def installed(root: Root) -> List[InstalledKernel]:
    """Kernels that have an image or modules of their own. A folder that only a driver's module is left in is none."""
    images: Dict[str, bool] = {}
    for name in root.names("/boot"):
        match = IMAGE.match(name)
        if match and RESCUE not in name:
            images[match.group("release")] = True
    for release in root.names(MODULES):
        if release in images or not RELEASE.match(release):
            continue
        if root.is_file("%s/%s/vmlinuz" % (MODULES, release)):
            images[release] = True
        elif has_headers(root, release) or root.is_file("%s/%s/modules.builtin" % (MODULES, release)):
            images[release] = False
    return [
        {"release": release, "headers": has_headers(root, release), "image": images[release]}
        for release in sorted(images, key=version, reverse=True)
    ]


def has_headers(root: Root, release: str) -> bool:
    """Whether a module can be built for a kernel."""
    return any(root.is_file(path % release) for path in HEADERS)


def version(release: str) -> Version:
    """A key that sorts releases by age: numbers by value, a number after a word, ~ before the end."""
    key: Version = []
    for part in PART.findall(release):
        if part == "~":
            key.append((-1, 0, ""))
        elif part.isdigit():
            key.append((2, int(part), ""))
        else:
            key.append((1, 0, part))
    return [*key, (0, 0, "")]
