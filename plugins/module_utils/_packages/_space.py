# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Room on the disk for downloads, installation and a build, and leave to write there."""

from __future__ import annotations

import glob
import os
from typing import Callable

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _text
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import PackageError

MIB = 1024 * 1024
NEEDS = {
    # downloads of a full driver with the versions before, and a trial build (a nvidia tree takes about 0.5 GiB)
    "state": (700, 900),
    "usr": (1200, 0),
    "var": (200, 700),
    # one initramfs; kernels come with headers on Debian 13
    "boot": (150, 0),
}
"""MiB that must be free: for packages alone, and in addition where a module is built."""


def _free(path: str) -> int:
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize


def _read_only(path: str) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _remounted(root: str) -> bool:
    """Whether apt is set up to make file systems writable by itself (a hook with ``mount -o remount``)."""
    paths = [os.path.join(root, "etc/apt/apt.conf"), *glob.glob(os.path.join(root, "etc/apt/apt.conf.d/*"))]
    return any("remount" in _text.readable(path) for path in paths)


def check_writable(root: str, state_dir: str, read_only: Callable[[str], bool] = _read_only) -> None:
    """Raise PackageError that names every folder that is mounted read-only.

    An initramfs that can't be written leaves packages half-configured, and going back would end there too.
    """
    places = [state_dir, *(os.path.join(root, name) for name in (*NEEDS, "etc") if name != "state")]
    fixed = [path for path in places if os.path.isdir(path) and read_only(path)]
    if fixed and not _remounted(root):
        raise PackageError("Mounted read-only, nothing was changed: %s. Remount with -o remount,rw." % ", ".join(fixed))


def check(root: str, state_dir: str, *, with_build: bool, free: Callable[[str], int] = _free) -> None:
    """Raise PackageError that names every folder with too little room."""
    places = {"state": state_dir, **{name: os.path.join(root, name) for name in NEEDS if name != "state"}}
    short = []
    for name, path in places.items():
        if not os.path.isdir(path):
            continue
        need = NEEDS[name][0] + (NEEDS[name][1] if with_build else 0)
        have = free(path) // MIB
        if have < need:
            short.append("%s has %d MiB free, needed are about %d" % (path, have, need))
    if short:
        raise PackageError("Too little room, nothing was changed: %s." % "; ".join(short))
