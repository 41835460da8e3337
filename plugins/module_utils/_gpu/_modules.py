# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The modules in the kernel that have to do with GPUs, and whether nouveau is in the way."""

from __future__ import annotations

from typing import Dict

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._modprobe import Modprobe
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import LoadedModule, Nouveau

FOLDER = "/sys/module"
PREFIX = "nvidia"
OTHERS = frozenset({"nouveau", "nova_core", "nova_drm", "gdrdrv", "nv_peer_mem"})


def read(root: Root) -> Dict[str, LoadedModule]:
    """Each loaded module with its reference count and the modules that use it.

    A driver that is built into the kernel has a folder there too, but no count.
    """
    found: Dict[str, LoadedModule] = {}
    for name in root.names(FOLDER):
        if not name.startswith(PREFIX) and name not in OTHERS:
            continue
        folder = FOLDER + "/" + name
        count = root.number(folder + "/refcnt")
        if count is not None:
            found[name] = {"refcount": count, "holders": root.names(folder + "/holders")}
        elif root.is_file(folder + "/initstate"):
            found[name] = {"refcount": -1, "holders": root.names(folder + "/holders")}
    return found


def in_use(modules: Dict[str, LoadedModule]) -> bool:
    """Whether something other than a module holds one of the driver's: an open device counts one reference."""
    return any(
        module["refcount"] < 0 or module["refcount"] > len(module["holders"])
        for name, module in modules.items()
        if name.startswith(PREFIX) or name == "gdrdrv"
    )


def nouveau(root: Root, modprobe: Modprobe) -> Nouveau:
    """Whether nouveau is loaded (or built in), and whether it is kept from being loaded."""
    return {"loaded": root.is_folder(FOLDER + "/nouveau"), "blacklisted": modprobe.forbids("nouveau")}
