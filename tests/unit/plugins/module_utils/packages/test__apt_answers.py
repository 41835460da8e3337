# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt says is read as it says it: recordings of Debian 13, and lines made after apt's documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _apt_answers, _dpkg
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._apt_answers import Policy
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Change,
    Request,
    Wanted,
)

RECORDED = Path(__file__).parents[3] / "fixtures" / "packages"
VERSIONS = ("580.105.08-1", "580.95.05-1", "580.82.07-1", "570.195.03-1", "570.172.08-1")


def recorded(name):
    return (RECORDED / name).read_text("utf-8")


def test_a_recorded_installation():
    found = {change.name: change for change in _apt_answers.changes(recorded("apt_simulate_install.txt"), {})}
    assert found["nvidia-kernel-dkms"] == Change("nvidia-kernel-dkms", "", "550.163.01-2")
    assert found["linux-headers-6.12.117+deb13-amd64"].new == "6.12.117-1"
    assert not any(change.old for change in found.values())


def test_upgrades_removals_and_reinstallations():
    text = """Reading package lists...
Remv nvidia-open-kernel-dkms [550.163.01-2]
Purg nvidia-smi:i386 [535.1-1]
Inst libcuda1 [550.163.01-2] (580.95.05-1 NVIDIA:1.0/ [amd64]) []
Inst dkms [3.2.2-1] (3.2.2-1 Debian:13.8/stable [all])
Inst libnvidia-ml1:i386 (580.95.05-1 NVIDIA:1.0/ [i386])
Conf libcuda1 (580.95.05-1 NVIDIA:1.0/ [amd64])
"""
    assert _apt_answers.changes(text, {"dkms": "3.2.2-1"}) == [
        Change("libcuda1", "550.163.01-2", "580.95.05-1"),
        Change("libnvidia-ml1:i386", "", "580.95.05-1"),
        Change("nvidia-open-kernel-dkms", "550.163.01-2", ""),
        Change("nvidia-smi:i386", "535.1-1", ""),
    ]


def test_a_package_removed_and_installed_again_in_one_run_is_one_change():
    text = "Remv a [1]\nInst a (2 x [amd64])\n"
    assert _apt_answers.changes(text, {"a": "1"}) == [Change("a", "1", "2")]


def test_recorded_policies():
    known = _apt_answers.policies(recorded("apt_policy.txt"))
    assert known["nvidia-kernel-dkms"] == Policy("550.163.01-2", ("550.163.01-2",))
    assert known["linux-headers-amd64"] == Policy("6.12.117-1", ("6.12.117-1",))
    assert "nosuchpackage" not in known


def test_a_policy_of_several_versions_with_pins():
    text = """nvidia-smi:
  Installed: 550.163.01-2
  Candidate: (none)
  Version table:
     580.95.05-1 -1
        500 http://mirror/ubuntu noble/main amd64 Packages
 *** 550.163.01-2 -1
        100 /var/lib/dpkg/status
"""
    assert _apt_answers.policies(text) == {"nvidia-smi": Policy("", ("580.95.05-1", "550.163.01-2"))}


def test_recorded_repositories():
    found = _apt_answers.repositories(recorded("apt_policy_sources.txt"))
    assert "http://deb.debian.org/debian trixie/non-free" in found
    assert not any("dpkg/status" in line for line in found)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("580.95.05-1", "580.95.05-1"),
        ("580.*", "580.105.08-1"),
        ("580.82*", "580.82.07-1"),
        ("590.*", ""),
    ],
)
def test_the_newest_version_that_fits_is_meant(version, expected):
    assert _apt_answers.best(version, VERSIONS) == expected


def test_the_nearest_versions_are_those_on_both_sides():
    assert _apt_answers.nearest("580.90.*", VERSIONS).split(", ") == [
        "580.105.08-1",
        "580.95.05-1",
        "580.82.07-1",
        "570.195.03-1",
        "570.172.08-1",
    ]


def test_all_that_is_missing_is_said_at_once():
    request = Request(
        install=(Wanted("nvidia-smi", "999.*"), Wanted("libcuda1"), Wanted("nvidia-kernel-dmks"), Wanted("dkms")),
        headers=("linux-headers-9.9",),
    )
    known = {
        "nvidia-smi": Policy("550.1-1", ("550.1-1",)),
        "libcuda1": Policy("", ("550.1-1", "535.1-1")),
        "dkms": Policy("3", ("3",)),
    }
    assert _apt_answers.unavailable(request, known, ["nvidia-kernel-dkms", "dkms"]) == [
        "nvidia-smi: no version 999.*; there is 550.1-1",
        "libcuda1: the pins leave no version (there is 550.1-1, 535.1-1)",
        "nvidia-kernel-dmks: no repository has it; near names: nvidia-kernel-dkms",
        "linux-headers-9.9: no repository has it",
    ]


def test_wanted_packages_get_exact_versions():
    request = Request(install=(Wanted("a", "580.*"), Wanted("b")), headers=("h",))
    known = {"a": Policy("570.1", ("580.1", "580.2", "570.1")), "b": Policy("5", ("6", "5")), "h": Policy("1", ("1",))}
    assert _apt_answers.resolved(request, known) == {"a": "580.2", "b": "5", "h": "1"}


DPKG = """\
nvidia-kernel-dkms\tamd64\t550.163.01-2\thold\tok\thalf-configured
nvidia-smi\tamd64\t550.163.01-2\tinstall\tok\tunpacked
libcuda1\ti386\t550.163.01-2\tinstall\tok\tinstalled
dkms\tall\t3.2.2-1\thold\tok\tinstalled
old\tamd64\t1\tdeinstall\tok\tconfig-files
bad\tamd64\t1\tinstall\treinstreq\thalf-installed
man-db\tamd64\t2\tinstall\tok\ttriggers-pending
not a line
"""


def test_our_holds_are_released_in_a_copy_and_no_others():
    status = (
        "Package: nvidia-smi\nStatus: hold ok installed\nVersion: 1\n\nPackage: kubelet\nStatus: hold ok installed\n"
    )
    released = _dpkg.without_holds(status, lambda name: name.startswith("nvidia"))
    assert released == status.replace("hold", "install", 1)


def test_marks_of_what_was_installed_for_others():
    text = "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: b\nAuto-Installed: 0\n\nPackage: c\n"
    assert _dpkg.automatic(text) == ["a"]


def test_dpkgs_database():
    entries = _dpkg.parse(DPKG, "amd64")
    assert [str(entry) for entry in _dpkg.broken(entries)] == [
        "bad 1 (reinstreq)",
        "nvidia-kernel-dkms 550.163.01-2 (half-configured)",
        "nvidia-smi 550.163.01-2 (unpacked)",
    ]
    assert _dpkg.held(entries) == ["dkms", "nvidia-kernel-dkms"]
    assert _dpkg.configuration_only(entries) == ["old"]
    assert set(_dpkg.installed(entries)) == {
        "nvidia-kernel-dkms", "nvidia-smi", "libcuda1:i386", "dkms", "bad", "man-db"
    }  # fmt: skip
