# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every test is made on every host of the inventory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import testinfra
import yaml

KEYS = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "keys"
HOSTS = yaml.safe_load(Path(__file__).parent.parent.joinpath("inventory/hosts.yml").read_text())["gpu_nodes"]["hosts"]


@pytest.fixture(params=sorted(HOSTS))
def name(request):
    return request.param


@pytest.fixture
def inventory(name):
    """What the inventory says of this host alone."""
    return HOSTS[name]


@pytest.fixture
def host(name):
    return testinfra.get_host(f"ssh://{name}", ssh_config=str(KEYS / "ssh_config"))
