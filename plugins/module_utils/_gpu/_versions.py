# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The driver's versions: in the kernel, on disk, in userland. They must agree.

Loaded: /proc/driver/nvidia/version, or /sys/module/nvidia/version. On disk: what the module file that modprobe would
load says of itself. Userland: the links libnvidia-ml.so.1 and libcuda.so.1 that programs load, whose targets carry
the version.
"""

from __future__ import annotations

import os
import re
from typing import Dict, List, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _elf, _files
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._dkms import INSTALLED, TREE
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._modprobe import Modprobe
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import Dkms, Driver, Kernel

PROC = "/proc/driver/nvidia/version"
SYS = "/sys/module/nvidia/"
NVRM = re.compile(r"^NVRM version:.*?Kernel Module.*?\s(\d+\.\d+(?:\.\d+)?)(?:\s|$)", re.MULTILINE)
OPEN = "Open Kernel Module"

VERSION = re.compile(r"^\d+\.\d+(?:\.\d+)?$")
LIBRARY = re.compile(r"^lib(?:cuda|nvidia-ml)\.so\.(\d+\.\d+(?:\.\d+)?)$")
LINKS = ("libnvidia-ml.so.1", "libcuda.so.1")
LIBRARY_FOLDERS = ("/usr/lib/%s-linux-gnu", "/usr/lib64", "/usr/lib")
LICENCE = re.compile(r"MODULE_LICENSE\(\"([^\"]+)\"\)")

CONTAINERISED = "/run/nvidia/driver/usr"
"""Where gpu-operator's driver container shows its userland to the host."""

FIRMWARE = "/lib/firmware/nvidia"


def read(root: Root, kernel: Kernel, modprobe: Modprobe, dkms: Sequence[Dkms], architecture: str) -> Driver:
    """All versions of a host."""
    version, loaded_flavour = loaded(root)
    on_disk, flavour = on_disk_for(root, kernel["running"], modprobe, dkms)
    following, next_flavour = on_disk, flavour
    if kernel["next"] != kernel["running"]:
        following, next_flavour = on_disk_for(root, kernel["next"], modprobe, dkms)
    userland, all_versions = libraries(root, architecture)
    return {
        "loaded": version,
        "on_disk": on_disk,
        "on_disk_next": following,
        "userland": userland,
        "userland_versions": all_versions,
        "firmware": [name for name in root.names(FIRMWARE) if VERSION.match(name)],
        "flavour": flavour or next_flavour,
        "loaded_flavour": loaded_flavour,
        "containerised": root.is_folder(CONTAINERISED),
    }


def loaded(root: Root) -> Tuple[str, str]:
    """Version and flavour of the module in the kernel; empty texts without one."""
    text = root.text(PROC)
    match = NVRM.search(text)
    if match:
        return match.group(1), "open" if OPEN in text else "proprietary"
    version = root.text(SYS + "version")
    if not version:
        return "", ""
    # The kernel marks what a module's licence did to it: P for proprietary.
    return version, "proprietary" if "P" in root.text(SYS + "taint") else "open"


def on_disk_for(root: Root, release: str, modprobe: Modprobe, dkms: Sequence[Dkms]) -> Tuple[str, str]:
    """Version and flavour of the module that a kernel would load.

    A packed module is some 60 MB to unpack, so that DKMS's own record is taken for it where DKMS put it there.
    """
    path = _files.main_module(root, release, modprobe)
    if not path:
        return "", ""
    if not path.endswith(".ko"):
        record = _record(dkms, release, path)
        if record:
            return record["version"], _source_flavour(root, record)
    fields = _elf.modinfo(root, path)
    return fields.get("version", ""), _elf.flavour(fields.get("license", ""))


def libraries(root: Root, architecture: str) -> Tuple[str, List[str]]:
    """The version that programs load, and every version that lies about."""
    found: Dict[str, None] = {}
    linked = ""
    for folder in _library_folders(root, architecture):
        names = root.names(folder)
        for name in names:
            match = LIBRARY.match(name)
            if match:
                found[match.group(1)] = None
        for link in LINKS:
            match = LIBRARY.match(os.path.basename(root.inside(folder + "/" + link))) if link in names else None
            linked = linked or (match.group(1) if match else "")
    versions = sorted(found, key=lambda version: [int(part) for part in version.split(".")])
    return linked or (versions[-1] if versions else ""), versions


def _library_folders(root: Root, architecture: str) -> List[str]:
    """The usual folders; Debian's own packages keep the libraries in nvidia/<variant> below one and link to them."""
    folders = [folder.replace("%s", architecture) for folder in LIBRARY_FOLDERS]
    variants = [
        "%s/nvidia/%s" % (folder, name)
        for folder in folders
        for name in root.names(folder + "/nvidia")
        if name.startswith(("current", "tesla", "legacy"))
    ]
    return folders + variants


def _record(dkms: Sequence[Dkms], release: str, path: str) -> Optional[Dkms]:
    """The one build that lies there; None where two lay claim to the file."""
    found = [
        entry for entry in dkms if entry["kernel"] == release and entry["state"] == INSTALLED and entry["path"] == path
    ]
    return found[0] if len(found) == 1 else None


def _source_flavour(root: Root, record: Dkms) -> str:
    """The licence that the sources give the main module."""
    folder = "%s/%s/%s/source/nvidia" % (TREE, record["module"], record["version"])
    for name in ("nv.c", "nv-frontend.c"):
        match = LICENCE.search(root.text(folder + "/" + name))
        if match:
            return _elf.flavour(match.group(1))
    return ""
