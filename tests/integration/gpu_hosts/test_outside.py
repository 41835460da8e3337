# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are nodes of no cluster, one of them dead."""

from __future__ import annotations

from integration.gpu_hosts.conftest import NEW, OLD


def test_a_dead_host_keeps_nobody_waiting_and_consent_is_asked_for(site):
    site.host("gpu1")
    site.host("gpu2", ansible_connection="ssh", ansible_host="127.0.0.9", ansible_port=1)
    site.host("gpu3", "")
    site.host("gpu4", nvidia_driver_disruption=True)
    found = site.run()
    assert found.code == 2
    assert found.row("gpu1").split()[-1] == "pending"
    assert "allow it with nvidia_driver_disruption" in found.output
    assert found.row("gpu2").split()[-1] == "failed"
    assert "unreachable: " in found.output
    assert found.row("gpu3").split() == ["gpu3", "none", NEW, "open", "done"]
    assert found.row("gpu4").split()[-1] == "done"
    assert [site.loaded(host) for host in ("gpu1", "gpu3", "gpu4")] == [OLD, NEW, NEW]
    assert (found.changed["gpu1"], found.changed["gpu2"]) == (0, 0)
