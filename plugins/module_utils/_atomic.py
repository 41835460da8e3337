# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Files that are there wholly or not at all: written beside, then renamed."""

from __future__ import annotations

import contextlib
import os
import tempfile


def write(path: str, content: bytes, mode: int = 0o644, *, durable: bool = False) -> None:
    """Put ``content`` at ``path``; its folder must be there. Raises OSError, and leaves the old file then.

    A reader sees the old file or the new one, never half of it, and the new one has its mode from the start.
    durable: Once this returns, the file outlasts a loss of power.
    """
    folder = os.path.dirname(path) or "."
    # Hidden and without an ending, so that no program that reads all of a folder takes it for one of its files.
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".%s." % os.path.basename(path))
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            os.chmod(temporary, mode)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    if durable:
        settle(folder)


def settle(path: str) -> None:
    """Have a file outlast a loss of power; or the names in a folder: what was renamed into it, or removed from it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
