# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where promtool is, for tests that need it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

NAME = "promtool"
VARIABLE = "GPU_OBSERVABILITY_PROMTOOL"


def _places() -> Iterator[str]:
    yield os.environ.get(VARIABLE, "")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(os.environ.get("GPU_OBSERVABILITY_CACHE") or Path(home) / "openhands-gpu-observability")
    yield from (str(path) for path in sorted(cache.glob(f"binaries/prometheus/*/{NAME}"), reverse=True))
    yield shutil.which(NAME) or ""


def find() -> str:
    """Its path; skips the test where there is none."""
    for place in _places():
        if place and os.access(place, os.X_OK):
            return place
    pytest.skip(f"{NAME} is neither in {VARIABLE} nor in the lab's cache nor on PATH")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it and return what it said."""
    return subprocess.run([find(), *arguments], capture_output=True, text=True, check=False, timeout=120)
