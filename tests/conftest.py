# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by every test: the collection resolves under its full name, here and in the processes tests start."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader

ROOT = Path(__file__).resolve().parent.parent
COLLECTIONS = ROOT / ".collections"
LINK = COLLECTIONS / "ansible_collections" / "openhands" / "gpu_observability"

if not LINK.exists():
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.symlink_to("../../..")

for folder in (COLLECTIONS, ROOT / "tests"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

os.environ["PYTHONPATH"] = str(COLLECTIONS)
os.environ["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
# Tools that tests call by name are the ones beside this Python.
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
for unwanted in ("ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_INVENTORY", "K8S_AUTH_KUBECONFIG", "KUBECONFIG"):
    os.environ.pop(unwanted, None)


# Ansible's finder comes before the first import of the collection: only then do its plugins have their full names.
init_plugin_loader([str(COLLECTIONS)])


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT
