# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection with fakes where a host that is a folder has nothing real: packages, services, containers."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
OVERLAY = {
    "driver_packages.py": "plugins/modules/driver_packages.py",
    "change.yml": "roles/nvidia_driver/tasks/change.yml",
    "prepare.yml": "roles/nvidia_driver/tasks/prepare.yml",
    "containers.yml": "playbooks/gpu_hosts_containers.yml",
}
ENTRIES = ("galaxy.yml", "meta", "playbooks", "plugins", "roles", "ansible.cfg")


def make(place: Path) -> Path:
    """Copy it below a folder; answers where it lies."""
    folder = place / "ansible_collections/openhands/gpu_observability"
    folder.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__", "_lab")
    for name in ENTRIES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    shutil.copytree(ROOT / "plugins/module_utils/_lab", folder / "plugins/module_utils/_lab")
    for name, target in OVERLAY.items():
        shutil.copy(HERE / "overlay" / name, folder / target)
    return folder
