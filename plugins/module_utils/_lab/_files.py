# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Write files the way a lab that may be killed at any moment needs it."""

from __future__ import annotations

import os
from typing import Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _atomic


def write_atomically(path: str, content: bytes, mode: int) -> bool:
    """Put ``content`` at ``path`` with ``mode``; returns whether anything changed.

    A reader sees the old file or the new one, never half of it, and only the owner sees it before it has its mode.
    """
    try:
        with open(path, "rb") as handle:
            same = handle.read() == content
        if same:
            if os.stat(path).st_mode & 0o7777 == mode:
                return False
            os.chmod(path, mode)
            return True
    except FileNotFoundError:
        pass
    _atomic.write(path, content, mode)
    return True


def read_or_none(path: str) -> Optional[bytes]:
    """The content of ``path``, or None where there is no such file."""
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except FileNotFoundError:
        return None
