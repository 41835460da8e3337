# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every choice of the package table beside names that were written down without it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import distros, pins, table
from driver_case import SYSTEMS, codes, facts, installed, plan

FIXTURE = Path(__file__).resolve().parents[3] / "fixtures" / "driver_packages.txt"
LINES = [line for line in FIXTURE.read_text("utf-8").splitlines() if not line.startswith("#")]
ROWS = [[cell.strip() for cell in line.split("|")] for line in LINES]
ARCHITECTURES = ("x86_64", "aarch64")


def made(row, architecture):
    system, source, branch, choice, _names = row
    flavour, kind = choice.split()
    wish = {"source": source, "branch": branch, "flavour": flavour, "kind": kind, "accept": ["known_bad"]}
    return plan(facts(system, "turing", architecture=architecture), **wish)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("row", ROWS, ids=["-".join(row[:4]).replace(" ", "-") for row in ROWS])
def test_a_choice_comes_to_these_packages(row, architecture):
    planned = made(row, architecture)
    held, _separator, beside = row[4].partition(";")
    assert planned["blocked"] == []
    assert installed(planned) == held.split() + beside.split()
    assert planned["packages"]["hold"] == held.split()
    assert planned["wanted"]["branch"] == row[2]


def test_no_row_of_the_table_is_without_an_expectation():
    met = set()
    for system, source, branch, choice, _names in ROWS:
        flavour, kind = choice.split()
        distro = distros.DISTROS[SYSTEMS[system][0], int(SYSTEMS[system][1].partition(".")[0])]
        met.add(table.find(distro.family, distro.major, source=source, branch=int(branch), flavour=flavour, kind=kind))
    assert [row for row in table.TABLE if row not in met] == []


def test_no_two_rows_answer_one_choice():
    for one in table.TABLE:
        for other in table.TABLE:
            if one is other:
                continue
            same = (one.family, one.source, one.kind, one.flavour) == (
                other.family,
                other.source,
                other.kind,
                other.flavour,
            )
            majors = not one.majors or not other.majors or set(one.majors) & set(other.majors)
            branches = one.first <= other.last and other.first <= one.last
            assert not (same and majors and branches), (one, other)


@pytest.mark.parametrize(
    ("system", "wish", "stream"),
    [
        ("rhel9", {"branch": "580"}, "580-open"),
        ("rocky9", {"branch": "580", "flavour": "proprietary"}, "580-dkms"),
        ("alma9", {"branch": "595"}, "595-open"),
        ("rhel10", {"branch": "580"}, ""),
        ("ubuntu24", {"branch": "580"}, ""),
    ],
)
def test_el9_takes_a_branch_by_its_stream(system, wish, stream):
    assert plan(facts(system), **wish)["packages"]["stream"] == stream


@pytest.mark.parametrize(
    ("system", "wish", "version"),
    [
        ("rhel10", {"branch": "580"}, "580.*"),
        ("rhel10", {"branch": "580", "version": "580.95.05"}, "580.95.05*"),
        ("rhel9", {"branch": "580"}, ""),
        ("rhel9", {"branch": "580", "version": "580.95.05"}, "580.95.05*"),
        ("ubuntu24", {"branch": "595"}, ""),
        ("ubuntu24", {"branch": "595", "version": "595.91.07"}, "595.91.07*"),
        (
            "debian13",
            {"branch": "550", "source": "archive", "version": "550.163.01", "flavour": "proprietary"},
            "550.163.01*",
        ),
    ],
)
def test_a_version_is_asked_for_where_the_branch_is_not_held_otherwise(system, wish, version):
    planned = plan(facts(system), **wish)
    assert planned["packages"]["install"][0]["version"] == version
    assert planned["packages"]["install"][1]["version"] == version


def test_the_pinning_package_is_that_of_the_version_asked_for():
    planned = plan(facts(), branch="595", version="595.91.07")
    assert installed(planned)[-1] == "nvidia-driver-pinning-595.91.07"


def test_prebuilt_modules_are_never_asked_for_by_the_drivers_version():
    planned = plan(facts(), source="archive", version="580.95.05")
    versions = {one["name"]: one["version"] for one in planned["packages"]["install"]}
    assert versions["linux-modules-nvidia-580-server-open-6.8.0-84-generic"] == ""
    assert versions["nvidia-utils-580-server"] == "580.95.05*"


def test_every_system_of_the_table_is_tested():
    tested = {(name, int(version.partition(".")[0])) for name, version, _kernel in SYSTEMS.values()}
    untested = set(distros.DISTROS) - tested
    assert untested == {("almalinux", 10), ("ol", 10)}  # the same row as rhel 10
    assert all(distros.DISTROS[one] == distros.DISTROS["rhel", 10] for one in untested)


def test_ubuntu_of_another_month_is_another_system():
    host = facts()
    host["os"]["version"] = "24.10"
    assert codes(plan(host)) == ["os"]


@pytest.mark.parametrize(
    "name",
    [
        "nvidia-container-toolkit",
        "libnvidia-container1",
        "datacenter-gpu-manager-4-core",
        "libnvidia-egl-gbm1",
        "nvidia-openjdk-8-jre",
        "nvidia-cuda-toolkit",
        "nvlsm",
    ],
)
def test_what_has_a_version_of_its_own_is_in_no_pin(name):
    assert not [pattern for pattern in pins.FOLLOWERS.split() if fnmatchcase(name, pattern)]


@pytest.mark.parametrize(
    "name",
    [
        "libnvidia-compute-580",
        "libnvidia-compute",
        "nvidia-dkms-580-open",
        "nvidia-open",
        "nvidia-open-580",
        "nvidia-kernel-common-580",
        "nvidia-firmware-580-580.95.05",
        "libcuda1",
        "libnvidia-ml1",
        "nvidia-kernel-open-dkms",
        "nvidia-driver-cuda",
        "cuda-drivers",
        "cuda-drivers-580",
        "nvidia-fabricmanager",
        "libnvidia-nscq",
        "libnvsdm",
        "nvidia-imex",
        "nvidia-modprobe",
        "nvidia-persistenced",
    ],
)
def test_what_follows_the_driver_is_in_the_pins(name):
    assert [pattern for pattern in pins.FOLLOWERS.split() if fnmatchcase(name, pattern)]


def test_the_other_source_is_denied_before_the_branch_is_allowed():
    records = plan(facts("debian13"), branch="595")["packages"]["pins"]
    assert [(record["pin"], record["priority"]) for record in records] == [
        ("release o=NVIDIA", 500),
        ("release o=Debian", -1),
        ("version 595.*", 1001),
        ("version *", -1),
    ]
    archive = plan(facts("ubuntu24"), source="archive")["packages"]["pins"]
    assert [(record["pin"], record["priority"]) for record in archive] == [
        ("release o=NVIDIA", -1),
        ("release o=Ubuntu", 1001),
    ]
