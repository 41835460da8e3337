# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of the GPU images import each other by name, as they do where they lie side by side in an image."""

from __future__ import annotations

import sys
from pathlib import Path

ROLES = Path(__file__).resolve().parents[3] / "roles"
for folder in ("lab/files/gpus", "lab_workload/files"):
    if str(ROLES / folder) not in sys.path:
        sys.path.insert(0, str(ROLES / folder))
