# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""MIG as procfs shows it.

/proc/driver/nvidia/capabilities/gpu<minor>/mig holds a folder gi<number> for each GPU instance; the folder itself is
always there, so that without an instance only a GPU that can't have MIG is certain. Facts:
NVIDIA/open-gpu-kernel-modules src/nvidia/arch/nvalloc/unix/src/os.c, osRmCapRegisterGpu.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _devices
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import GpuWithClass, Mig

DRIVER = "/proc/driver/nvidia"
MINOR = re.compile(r"^Device Minor:\s*(\d+)", re.MULTILINE)
INSTANCE = re.compile(r"^gi\d+$")


def read(root: Root, gpus: List[GpuWithClass]) -> List[Mig]:
    """MIG of every physical GPU."""
    minors = {address.lower(): minor for address, minor in _minors(root).items()}
    found: List[Mig] = []
    for gpu in gpus:
        minor = minors.get(gpu["address"].lower())
        folder = "%s/capabilities/gpu%s/mig" % (DRIVER, minor)
        instances = [] if minor is None else [name for name in root.names(folder) if INSTANCE.match(name)]
        certain: Optional[bool] = None if _devices.can_mig(int(gpu["device"] or "0", 16)) else False
        found.append({"gpu": gpu["address"], "enabled": True if instances else certain, "instances": len(instances)})
    return found


def _minors(root: Root) -> Dict[str, str]:
    minors = {}
    for address in root.names(DRIVER + "/gpus"):
        match = MINOR.search(root.text("%s/gpus/%s/information" % (DRIVER, address)))
        if match:
            minors[address] = match.group(1)
    return minors
