# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether the file of a package is all there: a download can be cut off at any moment, and its name is there then."""

from __future__ import annotations

MAGIC = b"!<arch>\n"
HEADER = 60
_SIZE = slice(48, 58)
MEMBERS = 3


def whole(path: str) -> bool:
    """Whether all that the file says it has is there (deb(5): an ar archive of at least three members)."""
    try:
        with open(path, "rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                return False
            place, found = len(MAGIC), 0
            length = stream.seek(0, 2)
            while place < length:
                stream.seek(place)
                size = int(stream.read(HEADER)[_SIZE])
                place += HEADER + size
                if place > length:
                    return False
                place, found = place + size % 2, found + 1
    except (OSError, ValueError):
        return False
    return found >= MEMBERS
