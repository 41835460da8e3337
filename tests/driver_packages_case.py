# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver of three packages in three versions for the Debian host in memory, and what asks for one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._job import Job
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Pin, Request, Wanted
from fake_debian import Debian

DKMS, SMI, CUDA = "nvidia-kernel-dkms", "nvidia-smi", "libcuda1"
NAMES = (DKMS, SMI, CUDA)
OLD, NEW, BAD = "550.1-1", "580.2-1", "590.3-1"
"""Versions; the newest doesn't build."""

PREFERENCES = "etc/apt/preferences.d/openhands-nvidia-driver.pref"


def debian(root: Path) -> Debian:
    """A host whose repository has all versions, and on which none is installed."""
    made = Debian(root)
    made.repository = {name: [OLD, NEW, BAD] for name in NAMES}
    made.bad = {(DKMS, BAD)}
    made.has("dkms", "3.2.2-1")
    return made


def wish(version: str, **more: Any) -> Request:
    """Ask for one version."""
    pins = (Pin("nvidia-* libcuda1", f"version {version}", 1001),)
    return Request(install=tuple(Wanted(name, version) for name in NAMES), hold=NAMES, pins=pins, **more)


def job(host: Debian, request: Request, runner: Any = None, **more: Any) -> Job:
    """What a run is given. runner: runs the commands in the host's place."""
    family = host.family()
    family.tools.run = runner or host
    options = {"prebuild": False, "about": {"wanted": {}, "previous": {"version": "550.1"}}, **more}
    return Job(family, runner or host, str(host.root), str(host.root / "state"), request, **options)
