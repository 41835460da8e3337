# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose driver is held, and which can't be rebooted."""

from __future__ import annotations

import gpu_trees
from integration.gpu_hosts.hosts import OLD


def test_a_machine_that_cannot_be_rebooted_keeps_its_packages(site):
    for name, reboot in (("gpu1", "auto"), ("gpu2", "never")):
        tree = site.host(name, nvidia_driver_disruption=True, nvidia_driver_reboot=reboot)
        gpu_trees.user(tree, 4242, "trainer", "/dev/nvidia0")
    found = site.run(nvidia_driver_roll={"failures": 1})
    assert found.code == 2
    assert found.row("gpu1").endswith("failed")
    assert "gpu1 is the machine that Ansible runs on" in found.output
    assert "trainer (pid 4242, trainer.service) holds /dev/nvidia0" in found.output
    assert "nvidia_driver_reboot is never" in found.output
    assert (site.tree("gpu1") / "fake/installed").read_text() == OLD
    assert (site.tree("gpu2") / "fake/installed").read_text() == OLD
