# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Read files below a folder as if it were the root of the file system: links never lead out of it.

Nothing here raises: a file that is absent is a fact ("" or nothing), one that cannot be read is a line in ``unread``.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Dict, List, Optional, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import Unread

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESRCH})
MOST_LINKS = 40
"""As many links as the kernel follows in one path."""

DEFAULT_LIMIT = 1 << 20
"""Bytes read of a file: everything that is read whole is far smaller."""

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class Root:
    """The host's file system below ``prefix``."""

    def __init__(self, prefix: str = "/") -> None:
        self.prefix = os.path.realpath(prefix).rstrip("/")
        self.unread: List[Unread] = []
        self._known: Set[str] = set()
        self._folders: Dict[str, str] = {"": ""}

    def real(self, path: str) -> str:
        """The path of this machine behind ``path``, links followed inside the root. Raises OSError where none is."""
        if "\0" in path:  # made of what a damaged file says
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        return path if not self.prefix else self.prefix + self._follow(path)

    def inside(self, path: str) -> str:
        """``path`` with its links followed, as the host sees it; "" where they go round in circles."""
        try:
            real = self.real(path)
            return real[len(self.prefix) :] if self.prefix else os.path.realpath(real)
        except OSError as error:
            self.missed(path, error)
            return ""

    def data(self, path: str, limit: int = DEFAULT_LIMIT) -> Optional[bytes]:
        """The first ``limit`` bytes of a regular file, or None where it is absent or unreadable."""
        try:
            descriptor = self.open(path)
        except OSError as error:
            self.missed(path, error)
            return None
        try:
            return _read(descriptor, limit)
        except OSError as error:
            self.missed(path, error)
            return None
        finally:
            os.close(descriptor)

    def open(self, path: str) -> int:
        """A descriptor on a regular file. Raises OSError."""
        descriptor = os.open(self.real(path), _FLAGS)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        # /dev/null is how one switches a configuration file off, and a folder is no file.
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))

    def text(self, path: str, limit: int = DEFAULT_LIMIT) -> str:
        """A file's text without the space around it; "" where there is none."""
        return (self.data(path, limit) or b"").decode("utf-8", "replace").strip()

    def number(self, path: str, base: int = 10) -> Optional[int]:
        """The number that a file holds."""
        written = self.text(path)
        if not written:
            return None
        try:
            return int(written, base)
        except ValueError:
            self.note(path, "holds %r where a number belongs" % written[:40])
            return None

    def names(self, path: str) -> List[str]:
        """What a folder holds, sorted. A name beyond ASCII is none that is looked for, and JSON may not take it."""
        try:
            return sorted(name for name in os.listdir(self.real(path)) if name.isascii())
        except OSError as error:
            self.missed(path, error)
            return []

    def link(self, path: str) -> str:
        """The last part of what a link points to, as sysfs names a driver or a group; "" where it is no link."""
        head, name = os.path.split(path)
        try:
            return printable(os.path.basename(os.readlink(os.path.join(self.real(head), name))))
        except OSError as error:
            if error.errno != errno.EINVAL:
                self.missed(path, error)
            return ""

    def is_file(self, path: str) -> bool:
        """Whether there is a regular file behind ``path``."""
        return stat.S_ISREG(self._mode(path))

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder behind ``path``."""
        return stat.S_ISDIR(self._mode(path))

    def modified(self, path: str) -> Optional[float]:
        """When a regular file was written, in seconds since the epoch; None where there is none."""
        try:
            found = os.stat(self.real(path))
        except OSError as error:
            self.missed(path, error)
            return None
        return found.st_mtime if stat.S_ISREG(found.st_mode) else None

    def note(self, path: str, reason: str) -> None:
        """Remember that a file could not be read or understood; the first reason stays."""
        if path not in self._known:
            self._known.add(path)
            self.unread.append({"path": printable(path), "reason": reason})

    def missed(self, path: str, error: OSError) -> None:
        """Note an error, unless it says that the file is not there."""
        if error.errno not in ABSENT:
            self.note(path, error.strerror or str(error))

    def _mode(self, path: str) -> int:
        try:
            return os.stat(self.real(path)).st_mode
        except OSError as error:
            self.missed(path, error)
            return 0

    def _follow(self, path: str) -> str:
        """``path`` without a link in it, below the prefix."""
        head, name = os.path.split(path.rstrip("/"))
        folder = self._folders.get(head)
        if folder is None:
            folder = self._walk("", head)
            self._folders[head] = folder
        return self._walk(folder, name)

    def _walk(self, start: str, path: str) -> str:
        done = start
        left = path.split("/")[::-1]
        links = 0
        while left:
            part = left.pop()
            if part in ("", "."):
                continue
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            try:
                target = os.readlink(self.prefix + done + "/" + part)
            except OSError:
                done = done + "/" + part
                continue
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            if target.startswith("/"):
                done = ""
            left.extend(target.split("/")[::-1])
        return done


def printable(text: str) -> str:
    """``text`` as JSON can carry it: a file name may hold any byte."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _read(descriptor: int, limit: int) -> bytes:
    """Up to ``limit`` bytes: procfs and sysfs may hand out less than was asked for."""
    parts = []
    while limit > 0:
        part = os.read(descriptor, limit)
        if not part:
            break
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)
