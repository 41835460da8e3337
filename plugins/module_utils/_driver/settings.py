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
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.wish import Wish
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._settings import (
    MODPROBE,
    PERSISTENCED,
    UNATTENDED,
)

PERSISTENCED_UNIT = "nvidia-persistenced.service"
FABRICMANAGER = "nvidia-fabricmanager.service"
IMEX = "nvidia-imex.service"

WRITTEN = "Written by openhands.gpu_observability (role nvidia_driver): changes are overwritten."
UNATTENDED_SYSTEMS = ("debian", "ubuntu")
NOT_UNATTENDED = (
    "nvidia-",
    "libnvidia-",
    "libcuda1",
    "libnvcuvid1",
    "cuda-drivers",
    "linux-modules-nvidia-",
    "firmware-nvidia-",
    "xserver-xorg-video-nvidia",
)
"""Beginnings of names (regular expressions) that unattended-upgrades leaves alone. Holds keep them too, but only those
that are installed now."""

_PERSISTENCED = """# %s
# Distributions start it without persistence mode; as root it needs no access to be granted to it.
[Service]
ExecStart=
ExecStart=/usr/bin/nvidia-persistenced %s --verbose
"""
_UNATTENDED = """// %s
// A driver's userland that moves by itself no longer fits the loaded module.
Unattended-Upgrade::Package-Blacklist {
%s};
"""


def modprobe(host: Host, wish: Wish) -> Dict[str, Any]:
    """Options per module (names as the kernel writes them), the user's last, and the modules that must not load."""
    options: Dict[str, Dict[str, str]] = {"nouveau": {"modeset": "0"}, "nvidia": {}}
    if host.coherent and wish.number >= COHERENT_OPTION_FROM:
        options["nvidia"]["NVreg_CoherentGPUMemoryMode"] = "driver"
    for module, given in wish.module_options.items():
        told = {str(name): _value(value) for name, value in dict(given or {}).items()}
        plain = str(module).replace("-", "_")
        options[plain] = {**options.get(plain, {}), **told}
    return {"options": {module: given for module, given in options.items() if given}, "blacklist": ["nouveau"]}


def _value(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def services(host: Host) -> List[str]:
    """Units in the order they start; they stop in the opposite one."""
    found = [PERSISTENCED_UNIT]
    if host.fabric:
        found.append(FABRICMANAGER)
    if host.imex:
        found.append(IMEX)
    return found


def files(host: Host, wish: Wish) -> Dict[str, str]:
    """The files to write, by path."""
    mode = "--persistence-mode" if wish.persistence else "--no-persistence-mode"
    found = {
        MODPROBE: _modprobe_file(modprobe(host, wish)),
        PERSISTENCED: _PERSISTENCED % (WRITTEN, mode),
    }
    if host.os_id in UNATTENDED_SYSTEMS:
        found[UNATTENDED] = _UNATTENDED % (WRITTEN, "".join('  "%s";\n' % name for name in NOT_UNATTENDED))
    return found


def _modprobe_file(wanted: Mapping[str, Any]) -> str:
    lines = ["blacklist %s" % name for name in wanted["blacklist"]]
    for module, given in sorted(wanted["options"].items()):
        words = ["%s=%s" % (name, _quoted(value)) for name, value in sorted(given.items())]
        lines.append(" ".join(["options", module, *words]))
    return "\n".join(["# " + WRITTEN, *lines, ""])


def _quoted(value: str) -> str:
    return '"%s"' % value if any(letter.isspace() for letter in value) else value
