# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether the kernel takes only signed modules.

Secure Boot counts as the kernel sees it: on where the firmware's SecureBoot is 1, SetupMode is not, and shim was not
told to stop validating (MokSBState, which shim copies to MokSBStateRT). A variable is four bytes of attributes, then
its value. Facts: torvalds/linux drivers/firmware/efi/libstub/secureboot.c.
"""

from __future__ import annotations

from typing import Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root

VARIABLES = "/sys/firmware/efi/efivars/"
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
ENABLED, DISABLED, UNSUPPORTED = "enabled", "disabled", "unsupported"


def state(root: Root) -> str:
    """enabled, disabled or unsupported (no UEFI, or it does not say)."""
    secure = _variable(root, "SecureBoot-" + GLOBAL)
    if secure is None:
        # A variable that cannot be read must not pass for "off" where the kernel is locked down.
        unreadable = root.is_file(VARIABLES + "SecureBoot-" + GLOBAL)
        return ENABLED if unreadable and _locked_down(root) else UNSUPPORTED
    if secure != 1 or _variable(root, "SetupMode-" + GLOBAL) == 1 or _variable(root, "MokSBStateRT-" + SHIM) == 1:
        return DISABLED
    return ENABLED


def signatures_enforced(root: Root) -> bool:
    """Whether the running kernel refuses modules that are not signed, for whatever reason."""
    return root.text("/sys/module/module/parameters/sig_enforce") == "Y" or _locked_down(root)


def _locked_down(root: Root) -> bool:
    """The word in brackets is the one in force: none, integrity or confidentiality."""
    modes = root.text("/sys/kernel/security/lockdown")
    return "[" in modes and "[none]" not in modes


def _variable(root: Root, name: str) -> Optional[int]:
    content = root.data(VARIABLES + name, 16)
    return content[4] if content is not None and len(content) >= 5 else None
