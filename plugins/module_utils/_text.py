# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Text that others wrote, whatever is in it: a byte that isn't UTF-8 is replaced, not an error."""

from __future__ import annotations

from typing import Optional


def read(path: str) -> Optional[str]:
    """A file's text; None where there is no such file. Raises OSError where it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def readable(path: str) -> str:
    """A file's text; empty where there is none, or none for us."""
    try:
        return read(path) or ""
    except OSError:
        return ""
