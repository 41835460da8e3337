# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What else a host's driver needs: module options, what is kept from loading, services in the order they start. Pure.

NVreg_CoherentGPUMemoryMode=driver on GH200, GB200 and GB300 from 580: otherwise GPU memory shows up as a NUMA node and
the kubelet counts it as the host's (driver-installation-guide, kernel-modules.html). The fabric manager's start script
starts nvlsm where there is one (nvidia-fabricmanager-start.sh in NVIDIA/gpu-driver-container).
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.branches import COHERENT_OPTION_FROM
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.host import Host

PERSISTENCED = "nvidia-persistenced.service"
FABRICMANAGER = "nvidia-fabricmanager.service"
IMEX = "nvidia-imex.service"


def modprobe(host: Host, branch: int, wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """Options per module, the user's last, and the modules that must not load."""
    options: Dict[str, Dict[str, Any]] = {"nouveau": {"modeset": 0}, "nvidia": {}}
    if host.coherent and branch >= COHERENT_OPTION_FROM:
        options["nvidia"]["NVreg_CoherentGPUMemoryMode"] = "driver"
    for module, given in wanted.items():
        options[module] = {**options.get(module, {}), **dict(given or {})}
    return {"options": {module: given for module, given in options.items() if given}, "blacklist": ["nouveau"]}


def services(host: Host) -> List[str]:
    """Units in the order they start; they stop in the opposite one."""
    found = [PERSISTENCED]
    if host.fabric:
        found.append(FABRICMANAGER)
    if host.imex:
        found.append(IMEX)
    return found
