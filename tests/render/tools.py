# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where promtool and amtool are, for tests that need them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ARCHIVES = {"promtool": "prometheus", "amtool": "alertmanager"}


def find(name: str) -> str:
    """Its path: GPU_OBSERVABILITY_<NAME>, the lab's cache, PATH; skips the test where there is none."""
    variable = f"GPU_OBSERVABILITY_{name.upper()}"
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(os.environ.get("GPU_OBSERVABILITY_CACHE") or Path(base) / "openhands-gpu-observability")
    built = sorted(cache.glob(f"binaries/{ARCHIVES[name]}/*/{name}"), reverse=True)
    for place in (os.environ.get(variable), *map(str, built), shutil.which(name)):
        if place and os.access(place, os.X_OK):
            return place
    pytest.skip(f"{name} is neither in {variable} nor in the lab's cache nor on PATH")
