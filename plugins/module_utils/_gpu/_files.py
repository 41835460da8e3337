# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Where the driver's modules lie below /lib/modules.

Debian calls its own nvidia-current, nvidia-current-open or nvidia-tesla-535 and lets modprobe load that one for nvidia
(``install nvidia modprobe -i nvidia-current``); everybody else calls it nvidia.
"""

from __future__ import annotations

import os
import re
from typing import Iterator, List

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._modprobe import Modprobe
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root

MODULES = "/lib/modules"
SUFFIXES = ("", ".xz", ".gz", ".zst")
FOLDERS = ("updates/dkms", "updates", "extra", "weak-updates", "kernel/drivers/video", "kernel/drivers/video/nvidia")
"""Where DKMS (Debian and Ubuntu, SUSE, Fedora and EL), packages of finished modules and the .run installer put them.
Looked at where depmod's list does not know the module."""

MAIN = re.compile(r"^(nvidia(?:-(?:current|tesla|legacy)(?:-\d+(?:xx)?)?(?:-open)?)?)\.ko(?:\.(?:xz|gz|zst))?$")
"""The file of the main module, not of its companions (nvidia-uvm, nvidia-current-drm)."""

WORD = re.compile(r"^nvidia[\w-]*$")


def main_module(root: Root, release: str, modprobe: Modprobe) -> str:
    """The file that ``modprobe nvidia`` loads under a kernel; "" where there is none."""
    if not release:
        return ""
    index = root.data("%s/%s/modules.dep" % (MODULES, release), 16 << 20) or b""
    names = _names(modprobe)
    for name in names:
        path = listed(index, name)
        if path:
            return path if path.startswith("/") else "%s/%s/%s" % (MODULES, release, path)
    for name in names:
        path = next(places(root, release, name), "")
        if path:
            return path
    return next(_any(root, release), "")


def listed(index: bytes, name: str) -> str:
    """The path of a module in modules.dep; lines are ``path: paths it needs``."""
    for suffix in SUFFIXES:
        mark = ("/%s.ko%s:" % (name, suffix)).encode()
        place = (b"\n" + index).find(mark)
        if place >= 0:
            start = index.rfind(b"\n", 0, place) + 1
            return index[start : place + len(mark) - 2].decode("utf-8", "replace")
    return ""


def places(root: Root, release: str, name: str) -> Iterator[str]:
    """Files of a module below a kernel's folder."""
    for folder in _folders(root, release):
        for suffix in SUFFIXES:
            path = "%s/%s.ko%s" % (folder, name, suffix)
            if root.is_file(path):
                yield path


def _any(root: Root, release: str) -> Iterator[str]:
    """A main module under any of Debian's names."""
    for folder in _folders(root, release):
        for name in root.names(folder):
            if MAIN.match(name):
                yield folder + "/" + name


def _folders(root: Root, release: str) -> List[str]:
    """The usual folders, and those that Ubuntu's signed modules have (kernel/nvidia-580srv-open)."""
    top = "%s/%s" % (MODULES, release)
    branches = [name for name in root.names(top + "/kernel") if name.startswith("nvidia-")]
    nested = [name for name in root.names(top + "/extra") if name.startswith(("nvidia", "drivers"))]
    return (
        [top + "/" + folder for folder in FOLDERS]
        + [top + "/kernel/" + name for name in branches]
        + [top + "/extra/" + name + ("/video/nvidia" if name == "drivers" else "") for name in nested]
    )


def _names(modprobe: Modprobe) -> List[str]:
    """The names that the module may have, the one that modprobe is told to load first."""
    program, *words = modprobe.install.get("nvidia", [""])
    told = [word for word in words if WORD.match(word)] if os.path.basename(program) == "modprobe" else []
    return [*told, "nvidia"]
