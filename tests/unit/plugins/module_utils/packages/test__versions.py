# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions are ordered as dpkg and rpm order them."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _rpm_versions, _versions

DEBIAN = [
    "1.0~rc1-1",
    "1.0-1~bpo12+1",
    "1.0-1",
    "1.0-1+b1",
    "1.0a-1",
    "1.0+dfsg-1",
    "535.261.03-1",
    "550.163.01-2",
    "550.163.01-4~bpo13+1",
    "550.163.01-4",
    "580.95.05-0ubuntu1",
    "580.105.08-1",
    "1:1.0",
]
"""In dpkg's order (dpkg --compare-versions agrees for each pair)."""
RPM = [
    "1.0~rc1-1",
    "1.0-1.el9",
    "1.0^git1-1",
    "1.0a-1",
    "1.0.1-1",
    "1.10-1",
    "580.95.05-1.el9",
    "580.105.08-1.el9",
    "3:1-1",
]
"""In rpm's order (rpm-version(7))."""


@pytest.mark.parametrize(("older", "newer"), list(itertools.combinations(DEBIAN, 2)))
def test_debian_versions(older, newer):
    assert _versions.compare(older, newer) < 0 < _versions.compare(newer, older)


@pytest.mark.parametrize(("older", "newer"), list(itertools.combinations(RPM, 2)))
def test_rpm_versions(older, newer):
    assert _rpm_versions.compare(older, newer) < 0 < _rpm_versions.compare(newer, older)


@pytest.mark.parametrize("version", [*DEBIAN, *RPM])
def test_a_version_equals_itself(version):
    assert _versions.compare(version, version) == _rpm_versions.compare(version, version) == 0


def test_leading_zeros_and_a_missing_epoch_or_release_make_no_difference():
    assert _versions.compare("580.095-1", "0:580.95-1") == 0
    assert _rpm_versions.compare("0:580.095-1", "580.95-1") == _rpm_versions.compare("580.95", "580.95-1") == 0


def test_newest_first_lists_each_once():
    assert _versions.newest_first(["580.20-1", "580.105-1", "580.20-1"]) == ["580.105-1", "580.20-1"]
