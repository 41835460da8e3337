# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of header packages, by the kernels people run."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import distros, kernels
from driver_case import codes, facts, installed, plan

UBUNTU22, UBUNTU24 = distros.DISTROS["ubuntu", 22], distros.DISTROS["ubuntu", 24]
DEBIAN12, DEBIAN13 = distros.DISTROS["debian", 12], distros.DISTROS["debian", 13]
EL9, EL10 = distros.DISTROS["rocky", 9], distros.DISTROS["rhel", 10]
FIVE = "5.14.0-570.42.2.el9_6"

CASES = [
    (UBUNTU24, "6.8.0-84-generic", "", ["linux-headers-6.8.0-84-generic", "linux-headers-generic"]),
    (
        UBUNTU24,
        "6.8.0-84-generic",
        "6.8.0-90-generic",
        ["linux-headers-6.8.0-84-generic", "linux-headers-6.8.0-90-generic", "linux-headers-generic"],
    ),
    (UBUNTU24, "6.14.0-33-generic", "", ["linux-headers-6.14.0-33-generic", "linux-headers-generic-hwe-24.04"]),
    (UBUNTU22, "6.8.0-84-generic", "", ["linux-headers-6.8.0-84-generic", "linux-headers-generic-hwe-22.04"]),
    (UBUNTU22, "5.15.0-157-generic", "", ["linux-headers-5.15.0-157-generic", "linux-headers-generic"]),
    (UBUNTU24, "6.14.0-1014-aws", "", ["linux-headers-6.14.0-1014-aws", "linux-headers-aws"]),
    (UBUNTU24, "6.8.0-1030-nvidia-64k", "", ["linux-headers-6.8.0-1030-nvidia-64k", "linux-headers-nvidia-64k"]),
    (UBUNTU24, "6.8.0-84-lowlatency", "", ["linux-headers-6.8.0-84-lowlatency", "linux-headers-lowlatency"]),
    (UBUNTU24, "6.9.3-custom", "", []),
    (DEBIAN13, "6.12.107+deb13-amd64", "", ["linux-headers-6.12.107+deb13-amd64", "linux-headers-amd64"]),
    (
        DEBIAN13,
        "6.12.107+deb13-cloud-arm64",
        "",
        ["linux-headers-6.12.107+deb13-cloud-arm64", "linux-headers-cloud-arm64"],
    ),
    (DEBIAN12, "6.1.0-40-amd64", "", ["linux-headers-6.1.0-40-amd64", "linux-headers-amd64"]),
    (DEBIAN12, "6.1.0-40-rt-amd64", "", ["linux-headers-6.1.0-40-rt-amd64", "linux-headers-rt-amd64"]),
    (DEBIAN12, "6.12.9+bpo-amd64", "", ["linux-headers-6.12.9+bpo-amd64", "linux-headers-amd64"]),
    (DEBIAN12, "6.6.0", "", []),
    (
        EL9,
        FIVE + ".x86_64",
        "",
        [f"kernel-devel-{FIVE}.x86_64", f"kernel-devel-matched-{FIVE}.x86_64", "kernel-headers"],
    ),
    (
        EL9,
        FIVE + ".x86_64",
        "5.14.0-611.5.1.el9_7.x86_64",
        [
            f"kernel-devel-{FIVE}.x86_64",
            "kernel-devel-5.14.0-611.5.1.el9_7.x86_64",
            "kernel-devel-matched-5.14.0-611.5.1.el9_7.x86_64",
            "kernel-headers",
        ],
    ),
    (
        EL9,
        FIVE + ".aarch64+64k",
        "",
        [f"kernel-64k-devel-{FIVE}.aarch64", f"kernel-64k-devel-matched-{FIVE}.aarch64", "kernel-headers"],
    ),
    (
        EL10,
        "6.12.0-55.32.1.el10_0.x86_64",
        "",
        [
            "kernel-devel-6.12.0-55.32.1.el10_0.x86_64",
            "kernel-devel-matched-6.12.0-55.32.1.el10_0.x86_64",
            "kernel-headers",
        ],
    ),
    (
        EL9,
        "5.15.0-311.185.9.el9uek.x86_64",
        "",
        ["kernel-uek-devel-5.15.0-311.185.9.el9uek.x86_64", "kernel-headers"],
    ),
    (EL9, "6.6.1-custom", "", []),
]


@pytest.mark.parametrize(("distro", "running", "following", "expected"), CASES)
def test_the_running_kernel_the_next_and_those_to_come_have_headers(distro, running, following, expected):
    assert kernels.headers(distro, running, following or running) == expected


@pytest.mark.parametrize(
    ("release", "minimum", "expected"),
    [
        ("6.12.107+deb13-amd64", "6.12.107", True),
        ("6.12.94+deb13-amd64", "6.12.107", False),
        ("6.13.0-1-amd64", "6.12.107", True),
        ("5.14.0-687.12.1.el9_8.x86_64", "5.14.0-687", True),
        ("5.14.0-570.42.2.el9_6.x86_64", "5.14.0-687", False),
        ("7.0.9-1", "7.0", True),
        ("", "6.1", False),
    ],
)
def test_kernels_are_compared_by_their_numbers(release, minimum, expected):
    assert kernels.at_least(release, minimum) is expected


def test_a_custom_kernel_with_headers_is_fine_and_one_without_is_refused():
    host = facts("ubuntu24", kernel="6.9.3-custom")
    assert codes(plan(host)) == []
    assert plan(host)["packages"]["headers"] == []
    host["kernel"]["installed"] = [{"release": "6.9.3-custom", "headers": False}]
    assert codes(plan(host)) == ["headers"]
    named = plan(host, headers=["linux-headers-6.9.3-custom"])
    assert codes(named) == []
    assert named["packages"]["headers"] == ["linux-headers-6.9.3-custom"]


def test_ubuntus_prebuilt_modules_need_no_headers_but_a_kernel_they_were_built_for():
    planned = plan(facts("ubuntu24", kernel="6.8.0-84-generic", next="6.14.0-33-generic"), source="archive")
    assert planned["packages"]["headers"] == []
    assert installed(planned) == [
        "linux-modules-nvidia-580-server-open-6.8.0-84-generic",
        "nvidia-headless-no-dkms-580-server-open",
        "nvidia-utils-580-server",
        "linux-modules-nvidia-580-server-open-6.14.0-33-generic",
        "linux-modules-nvidia-580-server-open-generic-hwe-24.04",
    ]
    assert codes(plan(facts("ubuntu24", kernel="6.9.3-custom"), source="archive")) == ["headers"]
