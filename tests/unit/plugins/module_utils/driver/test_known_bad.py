# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers that are known not to work: where they are met, and where they aren't."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.known_bad import KNOWN_BAD
from driver_case import built_module, change, codes, driven, facts, plan

DEBIAN_OPEN = {"source": "archive", "branch": "550", "flavour": "open"}
MIXED = {"mig": [{"gpu": "a", "enabled": True}, {"gpu": "b", "enabled": False}]}
ALIKE = {"mig": [{"gpu": "a", "enabled": True}, {"gpu": "b", "enabled": True}, {"gpu": "c", "enabled": None}]}
REFUSED = [
    ("debian13", {}, DEBIAN_OPEN),
    ("debian13", {"kernel": "6.12.94+deb13-amd64", "next": "6.12.107+deb13-amd64"}, DEBIAN_OPEN),
    ("debian13", {"kernel": "6.16.3+deb13-amd64"}, DEBIAN_OPEN),
    ("rocky9", {"kernel": "5.14.0-687.12.1.el9_8.x86_64"}, {"branch": "575"}),
    ("ubuntu24", MIXED, {"branch": "570", "version": "570.133.20"}),
    ("ubuntu24", MIXED, {"branch": "570", "version": "570.158.01"}),
    ("ubuntu24", {"kernel": "6.17.0-8-generic"}, {"branch": "570", "version": "570.183.02"}),
    ("ubuntu24", {"kernel": "7.0.0-30-generic"}, {"branch": "580", "version": "580.119.02"}),
    ("ubuntu24", {"kernel": "7.1.0-3-generic"}, {"branch": "580", "version": "580.142"}),
]
FINE = [
    ("debian13", {"kernel": "6.12.94+deb13-amd64"}, DEBIAN_OPEN),
    ("debian13", {}, {**DEBIAN_OPEN, "flavour": "proprietary"}),
    ("rocky9", {}, {"branch": "575"}),
    ("rocky9", {"kernel": "5.14.0-687.12.1.el9_8.x86_64"}, {"branch": "575", "flavour": "proprietary"}),
    ("oracle9", {"kernel": "5.15.0-311.185.9.el9uek.x86_64"}, {"branch": "575"}),
    ("ubuntu24", ALIKE, {"branch": "570", "version": "570.133.20"}),
    ("ubuntu24", MIXED, {"branch": "570", "version": "570.195.03"}),
    ("ubuntu24", MIXED, {"branch": "570", "version": "570.86.15"}),
    ("ubuntu24", {"kernel": "6.17.0-8-generic"}, {"branch": "570", "version": "570.195.03"}),
    ("ubuntu24", {"kernel": "6.17.0-8-generic"}, {"branch": "580", "version": "580.95.05"}),
    ("ubuntu24", {"kernel": "7.0.0-30-generic"}, {"branch": "580", "version": "580.159.04"}),
    ("ubuntu24", {"kernel": "7.1.0-3-generic"}, {"branch": "580", "version": "580.159.04"}),
    # Canonical built these: a build that fails would have failed there.
    ("ubuntu24", {"kernel": "7.0.0-30-generic"}, {"source": "archive", "version": "580.119.02"}),
]


@pytest.mark.parametrize(("system", "host", "wish"), REFUSED)
def test_a_driver_that_fails_here_is_refused(system, host, wish):
    assert codes(plan(facts(system, **host), **wish)) == ["known_bad"]


@pytest.mark.parametrize(("system", "host", "wish"), FINE)
def test_the_same_driver_elsewhere_or_its_cure_is_not(system, host, wish):
    planned = plan(facts(system, **host), **wish)
    assert codes(planned) == []
    assert planned["notes"] == []


def test_where_a_newer_version_of_the_branch_is_good_the_branch_alone_is_told_of():
    planned = plan(facts("ubuntu24", **MIXED), branch="570")
    assert codes(planned) == []
    (note,) = planned["notes"]
    assert note.startswith("NVML of 570.124 to 570.158 fails where some GPUs of a host are in MIG mode")
    assert note.endswith("; take a version of 570 after 570.158, or branch 580")


OLD = facts("debian13", kernel="6.12.94+deb13-amd64")
COMING = change("linux-headers-6.12.117+deb13-amd64", "6.12.117-1")


@pytest.mark.parametrize(
    ("system", "host", "wish", "changes", "kernel"),
    [
        ("debian13", OLD, DEBIAN_OPEN, [COMING], "6.12.117+deb13-amd64"),
        (
            "rocky9",
            facts("rocky9"),
            {"branch": "575"},
            [change("kernel-devel", "5.14.0-687.12.1.el9_8")],
            "5.14.0-687.12.1.el9_8.x86_64",
        ),
    ],
)
def test_headers_that_would_come_along_are_built_for_too(system, host, wish, changes, kernel):
    assert codes(plan(host, [], **wish)) == []
    planned = plan(host, changes, **wish)
    assert codes(planned) == ["known_bad"]
    assert kernel in planned["blocked"][0]["reason"]


@pytest.mark.parametrize(
    "one",
    [
        change("linux-headers-6.12.117+deb13-amd64", "", "6.12.117-1"),
        change("linux-headers-6.12.117+deb13-common", "6.12.117-1"),
        change("linux-headers-amd64", "6.12.117-1"),
        change("linux-image-6.12.117+deb13-amd64", "6.12.117-1"),
    ],
)
def test_what_brings_no_headers_is_no_kernel(one):
    assert codes(plan(OLD, [one], **DEBIAN_OPEN)) == []


def test_a_version_that_is_known_from_the_package_manager_counts():
    host = facts("ubuntu24", kernel="7.0.0-30-generic")
    assert codes(plan(host, [change("nvidia-dkms-580-open", "580.119.02-0ubuntu1")])) == ["known_bad"]
    assert codes(plan(host, [change("nvidia-dkms-580-open", "580.159.04-0ubuntu1")])) == []
    assert plan(host, [change("nvidia-dkms-580-open", "580.159.04-0ubuntu1")])["notes"] == []


def test_what_was_built_here_all_the_same_is_fine():
    kernel = "6.12.107+deb13-amd64"
    there = driven("550.163.01", "open", system="debian13", dkms=[built_module("550.163.01", kernel)])
    assert codes(plan(there, [], **DEBIAN_OPEN)) == []
    assert codes(plan({**there, "dkms": []}, [], **DEBIAN_OPEN)) == ["known_bad"]
    other = driven("550.163.01", "proprietary", system="debian13", dkms=[built_module("550.163.01", kernel)])
    assert codes(plan(other, [], **DEBIAN_OPEN)) == ["known_bad"]


def test_a_reason_names_the_kernel_that_it_fails_for():
    host = facts("debian13", kernel="6.12.94+deb13-amd64", next="6.12.107+deb13-amd64")
    assert "kernel 6.12.107+deb13-amd64" in plan(host, **DEBIAN_OPEN)["blocked"][0]["reason"]


def test_every_entry_says_where_it_is_known_from():
    assert all(bad.source_of_fact and bad.reason and bad.fix for bad in KNOWN_BAD)
