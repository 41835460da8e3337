# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: the network namespace and the lab in it."""

from __future__ import annotations

import subprocess

import pytest
from integration.lab.second_lab import INSIDE, NAMESPACE, OUTSIDE, Lab, reason_not_to_run


@pytest.fixture(scope="session")
def namespace():
    reason = reason_not_to_run()
    if reason:
        pytest.skip(reason)
    # What a killed run of these tests left.
    subprocess.run(["ip", "netns", "delete", NAMESPACE], capture_output=True, check=False)
    subprocess.run(["ip", "link", "delete", "lab2out"], capture_output=True, check=False)
    commands = (
        f"ip netns add {NAMESPACE}",
        "ip link add lab2out type veth peer name lab2in",
        f"ip link set lab2in netns {NAMESPACE}",
        f"ip address add {OUTSIDE}/30 dev lab2out",
        "ip link set lab2out up",
        f"ip -n {NAMESPACE} link set lo up",
        f"ip -n {NAMESPACE} address add {INSIDE}/30 dev lab2in",
        f"ip -n {NAMESPACE} link set lab2in up",
        f"ip -n {NAMESPACE} route add default via {OUTSIDE}",
    )
    for command in commands:
        subprocess.run(command.split(), check=True)
    yield NAMESPACE
    subprocess.run(["ip", "netns", "delete", NAMESPACE], check=True)


@pytest.fixture(scope="session")
def lab(namespace):
    lab = Lab()
    lab.play("lab_down")
    yield lab
    lab.play("lab_down")
