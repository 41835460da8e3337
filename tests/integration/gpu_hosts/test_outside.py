# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are nodes of no cluster."""

from __future__ import annotations

from integration.gpu_hosts.conftest import NEW, OLD


def test_without_consent_only_what_disturbs_nobody_is_done(site):
    site.host("gpu1")
    site.host("gpu2", NEW)
    site.host("gpu3", "")
    found = site.run()
    assert found.code == 0
    assert found.row("gpu1").split()[-1] == "pending"
    assert "nvidia_driver_disruption" in found.output
    assert found.row("gpu2").endswith("as wanted")
    assert found.row("gpu3").split() == ["gpu3", "none", NEW, "open", "done"]
    assert (site.loaded("gpu1"), site.loaded("gpu3")) == (OLD, NEW)
    assert found.changed == {"gpu1": 0, "gpu2": 0, "gpu3": 2}


def test_with_consent_hosts_are_changed_and_a_second_run_does_nothing(site):
    site.host("gpu1")
    site.host("gpu2", ansible_connection="ssh", ansible_host="127.0.0.9", ansible_port=1)
    found = site.run(nvidia_driver_disruption=True)
    assert found.code == 2
    assert found.row("gpu1").split()[-1] == "done"
    assert site.loaded("gpu1") == NEW
    assert "unreachable" in found.output
    assert found.row("gpu2").split()[-1] == "failed"
    del site.hosts["gpu2"]
    again = site.run(nvidia_driver_disruption=True)
    assert (again.code, again.changed) == (0, {"gpu1": 0})
