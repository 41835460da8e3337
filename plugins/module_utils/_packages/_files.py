# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Files that are there wholly or not at all."""

from __future__ import annotations

import os
from typing import List, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _atomic, _text

OPEN = 0o755


def read(path: str) -> str:
    """A file's text; empty where there is none."""
    return _text.read(path) or ""


def folder(path: str) -> None:
    """Have a folder that everybody can look into, whatever the umask is: apt drops root's rights before it reads."""
    if path and not os.path.isdir(path):
        folder(os.path.dirname(path))
        os.mkdir(path)
        os.chmod(path, OPEN)


def put(path: str, text: str, mode: int = 0o644, *, durable: bool = False) -> bool:
    """Write a file by replacing it at once, or delete it where the text is empty; answers whether that changed it."""
    if read(path) == text:
        return False
    if not text:
        os.unlink(path)
        return True
    folder(os.path.dirname(path))
    _atomic.write(path, text.encode("utf-8"), mode, durable=durable)
    return True


def put_back(files: Mapping[str, str], root: str) -> List[str]:
    """Write files (path on the host -> text) as they were; answers what can't be, one line each.

    A disk that is full must not keep the packages from going back.
    """
    failed = []
    for path, text in files.items():
        try:
            put(os.path.join(root, path.lstrip("/")), text)
        except OSError as error:
            failed.append("%s can't be written (%s)" % (path, error.strerror))
    return failed
