# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether the host manages NVLink switches of the fifth generation (HGX B200, B300).

Those switches hang behind ConnectX devices whose vital product data holds the mark SW_MNG. Facts:
NVIDIA/gpu-driver-container ubuntu24.04/nvidia-driver, _assert_nvlink5_system.
"""

from __future__ import annotations

from typing import Iterable

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._devices import UNKNOWN
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root

INFINIBAND = "/sys/class/infiniband"
MARK = b"SW_MNG"
NVLINK5_GENERATIONS = frozenset({"blackwell", UNKNOWN})


def manages_switches(root: Root, generations: Iterable[str]) -> bool:
    """Look for the mark.

    Only beside GPUs that can have such switches: vital product data comes from the device itself, a few bytes at a
    time, which can take longer than all the rest.
    """
    if not NVLINK5_GENERATIONS & set(generations):
        return False
    return any(
        MARK in (root.data("%s/%s/device/vpd" % (INFINIBAND, name), 1 << 15) or b"") for name in root.names(INFINIBAND)
    )
