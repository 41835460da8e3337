# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes before a driver comes: all of the others, nothing of its own."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import removals, table
from driver_case import facts, installed, plan
from hypothesis import given
from hypothesis import strategies as st

# What the wanted packages bring along and may never be taken for another's: names read from the archives.
DEPENDENCIES = {
    (
        "ubuntu24",
        "vendor",
        "580",
    ): "libnvidia-compute-580 libnvidia-cfg1-580 nvidia-kernel-common-580 nvidia-persistenced nvidia-modprobe"
    " nvidia-utils-580 nvidia-compute-utils-580 nvidia-driver-580-open nvidia-kernel-source-580-open libnvidia-gl-580",
    (
        "ubuntu24",
        "vendor",
        "595",
    ): "libnvidia-compute libnvidia-cfg1 nvidia-kernel-common nvidia-firmware libnvidia-gpucomp"
    " nvidia-driver-open nvidia-persistenced nvidia-modprobe",
    ("ubuntu24", "archive", "580"): "libnvidia-compute-580-server libnvidia-cfg1-580-server"
    " nvidia-compute-utils-580-server nvidia-kernel-common-580-server nvidia-firmware-580-server-580.95.05"
    " linux-objects-nvidia-580-server-6.8.0-84-generic linux-signatures-nvidia-6.8.0-84-generic"
    " linux-modules-nvidia-580-server-open-6.8.0-71-generic",
    ("debian13", "vendor", "595"): "libcuda1 libnvidia-ml1 libnvidia-cfg1 nvidia-persistenced nvidia-modprobe"
    " firmware-nvidia-gsp nvidia-kernel-common nvidia-kernel-support nvidia-driver-libs nvidia-driver",
    ("debian13", "archive", "550"): "libnvidia-ml1 libnvidia-cfg1 nvidia-alternative nvidia-kernel-support"
    " firmware-nvidia-gsp nvidia-kernel-common nvidia-modprobe nvidia-driver-libs nvidia-driver-bin",
    ("debian13", "archive", "535"): "libnvidia-tesla-535-ml1 firmware-nvidia-tesla-535-gsp nvidia-tesla-535-alternative"
    " nvidia-tesla-535-kernel-support nvidia-installer-cleanup nvidia-persistenced",
    (
        "rhel9",
        "vendor",
        "580",
    ): "nvidia-kmod-common nvidia-driver-libs nvidia-driver-cuda-libs nvidia-modprobe nvidia-driver"
    " libnvidia-ml libnvidia-cfg xorg-x11-nvidia dnf-plugin-nvidia",
}


def meant(patterns, names):
    return sorted(name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns))


def planned(system, source, branch, **wish):
    return plan(facts(system, "turing"), source=source, branch=branch, accept=["known_bad"], **wish)


@pytest.mark.parametrize("kind", ["compute", "full"])
@pytest.mark.parametrize(("system", "source", "branch"), DEPENDENCIES)
def test_nothing_goes_that_the_wanted_packages_need(system, source, branch, kind):
    flavour = "proprietary" if (system, branch) == ("debian13", "535") else "auto"
    made = planned(system, source, branch, kind=kind, flavour=flavour)
    assert made["blocked"] == []
    gone = made["packages"]["remove"]
    needed = [
        *DEPENDENCIES[system, source, branch].split(),
        "nvidia-container-toolkit",
        "datacenter-gpu-manager-4-core",
    ]
    assert meant(gone, needed) == []
    assert set(gone) & set(installed(made)) == set()


@pytest.mark.parametrize(
    ("system", "wish", "others"),
    [
        (
            "ubuntu24",
            {"branch": "580"},
            (
                "nvidia-dkms-580 nvidia-dkms-570-open nvidia-dkms-open libnvidia-compute libnvidia-compute-570"
                " cuda-drivers nvidia-fabricmanager-570 libnvidia-nscq-550 nvidia-headless-no-dkms-580-server-open"
                " linux-modules-nvidia-580-server-open-generic libnvidia-compute-580-server nvidia-driver-pinning-595"
            ),
        ),
        (
            "ubuntu24",
            {"branch": "595"},
            (
                "nvidia-dkms nvidia-dkms-580-open libnvidia-compute-580 nvidia-utils-580 nvidia-driver-pinning-590"
                " nvidia-driver-pinning-580 nvidia-fabricmanager-570 nvidia-utils-535-server"
            ),
        ),
        (
            "ubuntu24",
            {"source": "archive"},
            (
                "nvidia-dkms-580-open nvidia-dkms-open libnvidia-compute libnvidia-compute-580 nvidia-fabricmanager"
                " linux-modules-nvidia-580-server-6.8.0-84-generic linux-modules-nvidia-580-server-generic"
                " linux-modules-nvidia-580-server-oracle linux-modules-nvidia-570-server-open-generic"
                " nvidia-utils-570-server nvidia-fabricmanager-570"
            ),
        ),
        (
            "ubuntu24",
            {"source": "archive", "flavour": "proprietary"},
            "linux-modules-nvidia-580-server-open-6.8.0-84-generic linux-modules-nvidia-580-server-open-generic",
        ),
        ("debian13", {"branch": "595"}, "nvidia-open-kernel-dkms nvidia-kernel-dkms nvidia-smi nvidia-tesla-535-smi"),
        (
            "debian13",
            {"source": "archive", "branch": "550"},
            (
                "nvidia-kernel-open-dkms nvidia-open-kernel-dkms nvidia-driver-cuda nvidia-tesla-535-kernel-dkms"
                " nvidia-fabricmanager nvidia-driver-pinning-595"
            ),
        ),
        (
            "debian13",
            {"source": "archive", "branch": "535"},
            "nvidia-kernel-dkms nvidia-open-kernel-dkms nvidia-smi nvidia-driver",
        ),
        ("rhel9", {"branch": "580"}, "kmod-nvidia-latest-dkms nvidia-fabric-manager libnvidia-nscq-570 akmod-nvidia"),
        ("rhel9", {"branch": "570"}, "kmod-nvidia-latest-dkms nvidia-fabricmanager libnvidia-nscq libnvidia-nscq-550"),
    ],
)
def test_what_another_choice_left_goes(system, wish, others):
    made = plan(facts(system, "turing"), **wish)
    assert made["blocked"] == []
    assert meant(made["packages"]["remove"], others.split()) == sorted(others.split())


@given(st.sampled_from(table.TABLE), st.integers(500, 700), st.integers(500, 700))
def test_patterns_for_other_branches_never_meet_ones_own(row, branch, other):
    branch = min(max(branch, row.first), row.last)
    patterns = removals.removals(row, branch)
    assert patterns == sorted(set(patterns))
    ours = [name.format(branch=branch, kernel="6.8.0-84-generic") for name in (*row.module, *row.userland)]
    assert meant(patterns, ours) == []
    theirs = [name.format(branch=other, kernel="6.8.0-84-generic") for name in row.module if "{branch}" in name]
    if branch != other:
        assert meant(patterns, theirs) == sorted(theirs)
