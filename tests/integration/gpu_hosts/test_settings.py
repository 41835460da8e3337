# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong before a host can be planned: a wish that none can fulfil, a host that can't answer."""

from __future__ import annotations


def test_a_branch_that_is_no_number_is_refused_before_a_host_is_asked(site):
    site.host("gpu1", nvidia_driver_branch="banana")
    found = site.run("--check")
    assert found.code == 2
    assert "nvidia_driver_branch is banana" in found.output
    assert "Reach the host" not in found.output


def test_an_interpreter_that_is_broken_is_told_in_its_own_words(site):
    site.host("gpu1")
    (site.tree("gpu1") / "fake/python").write_text("#!/bin/sh\necho 'python: libz is damaged' >&2\nexit 1\n")
    found = site.run("--check")
    assert found.code == 2
    assert "libz is damaged" in found.output.partition("GPU hosts: ")[2]
