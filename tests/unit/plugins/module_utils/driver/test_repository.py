# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packages come from."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import distros, repository
from driver_case import facts, plan

BASE = "https://developer.download.nvidia.com/compute/cuda/repos"
CASES = [
    ("ubuntu22", "x86_64", "ubuntu2204/x86_64", "apt", "/", "3bf863cc.pub"),
    ("ubuntu24", "aarch64", "ubuntu2404/sbsa", "apt", "/", "3bf863cc.pub"),
    ("debian12", "x86_64", "debian12/x86_64", "apt", "/", "3bf863cc.pub"),
    ("debian13", "aarch64", "debian13/sbsa", "apt", "/", "8793F200.pub"),
    ("rhel9", "x86_64", "rhel9/x86_64", "dnf", "", "D42D0685.pub"),
    ("rocky9", "aarch64", "rhel9/sbsa", "dnf", "", "D42D0685.pub"),
    ("alma9", "x86_64", "rhel9/x86_64", "dnf", "", "D42D0685.pub"),
    ("rocky10", "x86_64", "rhel10/x86_64", "dnf", "", "CDF6BA43.pub"),
]


@pytest.mark.parametrize("case", CASES)
def test_the_vendors_repository(case):
    system, architecture, path, family, suite, key = case
    found = plan(facts(system, architecture=architecture))["repository"]
    assert found["uri"] == f"{BASE}/{path}/"
    assert (found["family"], found["suite"], found["components"]) == (family, suite, [])
    assert found["key_url"] == f"{BASE}/{path}/{key}"
    assert found["requires"] == (["epel", "crb"] if family == "dnf" else [])


@pytest.mark.parametrize("mirror", ["https://mirror.example.com/cuda", "https://mirror.example.com/cuda/"])
def test_a_mirror_replaces_the_base_and_keeps_the_layout(mirror):
    found = plan(facts(), mirror=mirror)["repository"]
    assert found["uri"] == "https://mirror.example.com/cuda/ubuntu2404/x86_64/"
    assert found["key_url"] == "https://mirror.example.com/cuda/ubuntu2404/x86_64/3bf863cc.pub"


def test_the_distributions_archive_is_no_repository_of_ours_but_must_have_its_parts():
    debian = plan(facts("debian12"), source="archive", branch="535")
    assert debian["repository"] is None
    assert debian["components"] == ["main", "contrib", "non-free", "non-free-firmware"]
    assert plan(facts(), source="archive")["components"] == ["main", "restricted", "multiverse"]
    assert plan(facts("debian13"), branch="595")["components"] == ["main", "contrib"]
    assert plan(facts("rhel9"))["components"] == []


def test_every_system_has_a_key_and_the_checksums_look_like_some():
    for distro in distros.DISTROS.values():
        key = repository.KEYS[distro.vendor]
        assert len(key.fingerprint) in (0, 40)
        assert len(key.sha256) in (0, 64)
        assert key.fingerprint.lower().endswith(key.file[:8].lower()) or not key.fingerprint
