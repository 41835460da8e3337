# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings: what is wrong before a host can be planned, and a change of them that leaves the packages as they are."""

from __future__ import annotations

from integration.gpu_hosts.hosts import CONSENT, NEW

BAR = {"nvidia_driver_module_options": {"nvidia": {"NVreg_EnableResizableBar": 1}}}


def test_a_branch_that_is_no_number_is_refused_before_a_host_is_asked(site):
    site.host("gpu1", nvidia_driver_branch="banana")
    found = site.run("--check")
    assert found.code == 2
    assert "nvidia_driver_branch is banana" in found.output
    assert "Reach the host" not in found.output


def test_two_hosts_that_are_one_node_are_refused_before_a_host_is_asked(site):
    site.cluster = {"platform_kubeconfig": "/nonexistent"}
    for name, node in (("gpu1", "n1"), ("gpu2", "n2"), ("gpu3", "n1")):
        site.host(name, platform_node_name=node)
    found = site.run("--check")
    assert found.code == 2
    assert "node n1 of here is gpu1 and gpu3." in found.output.replace("\n", " ")
    assert "Reach the host" not in found.output


def test_an_interpreter_that_is_broken_is_told_in_its_own_words(site):
    site.host("gpu1")
    (site.tree("gpu1") / "fake/python").write_text("#!/bin/sh\necho 'python: libz is damaged' >&2\nexit 1\n")
    found = site.run("--check")
    assert found.code == 2
    assert "libz is damaged" in found.output.partition("GPU hosts: ")[2]


def parameter(site, host):
    return (site.tree(host) / "proc/driver/nvidia/params").read_text()


def test_module_options_alone_are_loaded_by_consent_and_once(site):
    site.host("gpu1", NEW)
    assert site.run().changed["gpu1"] == 0
    waiting = site.run(**BAR)
    assert waiting.row("gpu1", "GPU hosts: collection").split()[-4:] == ["settings", "yes", "no", "pending"]
    assert "nvidia is loaded with NVreg_EnableResizableBar=0, wanted is 1" in waiting.output
    assert "EnableResizableBar: 0" in parameter(site, "gpu1")
    done = site.run(**BAR, **CONSENT)
    assert (done.code, done.ended["gpu1"]["status"]) == (0, "done")
    assert "EnableResizableBar: 1" in parameter(site, "gpu1")
    again = site.run(**BAR, **CONSENT)
    assert (again.changed["gpu1"], again.ended["gpu1"]["status"]) == (0, "as_wanted")


def test_a_setting_that_no_module_keeps_needs_no_consent(site):
    site.host("gpu1", NEW)
    done = site.run(nvidia_driver_persistence=False)
    assert (done.code, done.ended["gpu1"]["status"]) == (0, "done")
    drop_in = site.tree("gpu1") / "etc/systemd/system/nvidia-persistenced.service.d/openhands.conf"
    assert "--no-persistence-mode" in drop_in.read_text()
    assert site.run(nvidia_driver_persistence=False).changed["gpu1"] == 0


def test_an_option_that_the_driver_does_not_take_is_no_success(site):
    site.host("gpu1", NEW)
    (site.tree("gpu1") / "fake/ignored").write_text("EnableResizableBar")
    found = site.run(**BAR, **CONSENT)
    assert found.ended["gpu1"]["status"] == "failed"
    assert "options: nvidia has NVreg_EnableResizableBar=0, wanted is 1" in found.ended["gpu1"]["detail"]
