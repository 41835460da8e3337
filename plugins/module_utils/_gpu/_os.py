# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What /etc/os-release says (os-release(5))."""

from __future__ import annotations

import os
import shlex
from typing import Dict

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import OperatingSystem

FILES = ("/etc/os-release", "/usr/lib/os-release")


def read(root: Root) -> OperatingSystem:
    """The operating system; empty texts where nothing says."""
    values = parse(next((text for text in map(root.text, FILES) if text), ""))
    version = values.get("VERSION_ID", "")
    major = version.partition(".")[0]
    return {
        "id": values.get("ID", "").lower(),
        "like": values.get("ID_LIKE", "").lower().split(),
        "version": version,
        "major": int(major) if major.isdigit() else 0,
        "codename": values.get("VERSION_CODENAME", ""),
        "name": values.get("PRETTY_NAME", ""),
    }


def parse(text: str) -> Dict[str, str]:
    """The assignments, unquoted; lines that are none are passed over."""
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            values[name] = " ".join(shlex.split(value))
        except ValueError:
            values[name] = value.strip("\"'")
    return values


def architecture(root: Root) -> str:
    """The machine as the kernel calls it (x86_64, aarch64): procfs has it since Linux 6.1."""
    return root.text("/proc/sys/kernel/arch") or os.uname().machine
