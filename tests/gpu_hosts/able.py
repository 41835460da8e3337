# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine can have the hosts at all. What only fails is no reason here: that is for the tests to say."""

from __future__ import annotations

import os
import shutil
import tempfile
import urllib.request
from pathlib import Path

from gpu_hosts.image import MIRROR
from gpu_hosts.machine import GROUP
from gpu_hosts.places import STATE, HostsError, missing, run

HIERARCHIES = ("", "systemd", "unified")
"""Where control groups are below /sys/fs/cgroup: of version 2, and of 1 with systemd's own or with 2 beside it."""


def why_not() -> str:
    """The reason, in a sentence; empty where it can."""
    for question in (_rights, _programs, _groups, _overlay, _archive):
        reason = question()
        if reason:
            return f"no GPU hosts in containers here: {reason}"
    return ""


def _rights() -> str:
    return "" if os.geteuid() == 0 else "they need root"


def _programs() -> str:
    lacking = [] if shutil.which("apt-get") else missing()
    return f"there is no apt-get to install {', '.join(lacking)} with" if lacking else ""


def _groups() -> str:
    top = Path("/sys/fs/cgroup")
    for name in HIERARCHIES:
        folder = top / name
        if (folder / "cgroup.procs").exists():
            try:
                (folder / f"{GROUP.strip('/')}-try").mkdir()
                (folder / f"{GROUP.strip('/')}-try").rmdir()
                return ""
            except OSError as error:
                return f"control groups can't be made: {error}"
    return f"{top} has no control groups"


def _overlay() -> str:
    with tempfile.TemporaryDirectory(dir=STATE.parent) as place:
        for name in ("lower", "upper", "work", "root"):
            (Path(place) / name).mkdir()
        options = f"lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work"
        try:
            run("mount", "-t", "overlay", "overlay", "-o", options, f"{place}/root")
            run("umount", f"{place}/root")
        except HostsError as problem:
            return f"copy-on-write file systems can't be mounted: {problem}"
    return ""


def _archive() -> str:
    address = f"{MIRROR}/dists/stable/InRelease"
    try:
        with urllib.request.urlopen(address, timeout=20):
            return ""
    except OSError as error:
        return f"Debian's archive doesn't answer, whose packages they install: {address}: {error}"
