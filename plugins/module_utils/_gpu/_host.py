# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Everything about a GPU host in one look: reads, changes nothing, starts no program, and never fails for a file."""

from __future__ import annotations

from typing import Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import (
    _dkms,
    _handles,
    _kernel,
    _mig,
    _modprobe,
    _modules,
    _nvlink,
    _os,
    _pci,
    _secure_boot,
    _settings,
    _versions,
    _vgpu,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import Host


def look(prefix: str = "/", expected_gpus: Optional[int] = None) -> Host:
    """The facts of the host below ``prefix``; what could not be read is listed in ``unread``."""
    root = Root(prefix)
    bus = _pci.walk(root)
    gpus = _pci.physical(bus.gpus)
    generations = _pci.generations(bus.gpus)
    architecture = _os.architecture(root)
    kernel = _kernel.read(root)
    modprobe = _modprobe.read(root)
    modules = _modules.read(root)
    dkms = _dkms.read(root, [entry["release"] for entry in kernel["installed"]], architecture)
    return {
        "os": _os.read(root),
        "architecture": architecture,
        "gpus": bus.gpus,
        "generations": generations,
        "nvswitches": bus.switches,
        "nvlink5": _nvlink.manages_switches(root, generations),
        "coherent": _pci.coherent(bus.gpus),
        "vgpu_guest": bus.vgpu_guest,
        "vgpu_host": _vgpu.is_host(root, modules),
        "passthrough": _pci.passthrough(bus.gpus),
        "secure_boot": _secure_boot.state(root),
        "signatures_enforced": _secure_boot.signatures_enforced(root),
        "kernel": kernel,
        "nouveau": _modules.nouveau(root, modprobe),
        "driver": _versions.read(root, kernel, modprobe, dkms, architecture),
        "modules": modules,
        "settings": _settings.read(root, modprobe, modules, [entry["release"] for entry in kernel["installed"]]),
        "dkms": dkms,
        "mig": _mig.read(root, gpus),
        "users": _handles.read(root, bus.gpus) if _modules.in_use(modules) else [],
        "expected_gpus": expected_gpus,
        "found_gpus": sum(gpu["responding"] for gpu in gpus),
        "unread": root.unread,
    }
