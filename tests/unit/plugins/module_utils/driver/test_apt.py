# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt's own solver under a plan's pins: the vendor's packages and the distribution's, as indexes only."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from fnmatch import fnmatchcase

import pytest
from driver_case import facts, plan

pytestmark = pytest.mark.skipif(shutil.which("apt-get") is None, reason="this machine has no apt")

HGX = {"generation": "hopper", "nvswitches": [{"address": "0000:07:00.0", "device": "22a3", "driver": ""}]}
PARTS = ("nvidia-fabricmanager", "libnvidia-nscq", "libnvsdm", "nvidia-imex", "nvidia-modprobe")


def ubuntu_branched(version, revision):
    """A branch whose names carry it, as in both repositories up to 580."""
    branch, full = version.partition(".")[0], f"{version}-{revision}"
    library = f"libnvidia-compute-{branch}"
    # NVIDIA's 580 has the persistence daemon apart, older branches and Ubuntu's packages have it in these tools.
    apart = [f"nvidia-persistenced (= {full})"] if (branch, revision) == ("580", "0ubuntu1") else []
    daemon = [("nvidia-persistenced", full, f"libnvidia-cfg1-{branch} (= {full})")] if apart else []
    whole = (f"nvidia-dkms-{branch}-open", library, f"nvidia-utils-{branch}", f"nvidia-compute-utils-{branch}")
    return [
        (library, full, f"libnvidia-cfg1-{branch} (= {full})"),
        (f"libnvidia-cfg1-{branch}", full, ""),
        (f"nvidia-utils-{branch}", full, library),
        (f"nvidia-compute-utils-{branch}", full, ", ".join([library, *apart])),
        (f"nvidia-kernel-common-{branch}", full, ""),
        (f"nvidia-dkms-{branch}-open", full, f"nvidia-kernel-common-{branch} (= {full})"),
        (f"nvidia-dkms-{branch}", full, f"nvidia-kernel-common-{branch} (= {full})"),
        (f"nvidia-open-{branch}", full, ", ".join(f"{name} (= {full})" for name in whole)),
        *daemon,
    ]


def ubuntu_server(version):
    """A branch in Ubuntu's own archive, with modules that are built already."""
    branch, full = version.partition(".")[0], f"{version}-0ubuntu0.24.04.1"
    common = f"nvidia-kernel-common-{branch}-server"
    modules = f"linux-modules-nvidia-{branch}-server-open"
    return [
        (common, full, ""),
        (f"nvidia-utils-{branch}-server", full, f"libnvidia-compute-{branch}-server"),
        (f"libnvidia-compute-{branch}-server", full, ""),
        (f"nvidia-headless-no-dkms-{branch}-server-open", full, f"libnvidia-compute-{branch}-server, {common}"),
        (f"{modules}-6.8.0-84-generic", "6.8.0-84.84+1", f"{common} (>= {version})"),
        (f"{modules}-generic", "6.8.0-84.84+1", f"{modules}-6.8.0-84-generic"),
        (f"nvidia-fabricmanager-{branch}", full, f"{common} (= {full})"),
        (f"libnvidia-nscq-{branch}", full, ""),
    ]


def ubuntu_plain(version):
    """A branch whose names don't carry it."""
    full = f"{version}-1ubuntu1"
    return [
        ("libnvidia-compute", full, f"libnvidia-cfg1 (= {full})"),
        ("libnvidia-cfg1", full, ""),
        ("nvidia-persistenced", full, f"libnvidia-cfg1 (= {full})"),
        ("nvidia-kernel-common", full, ""),
        ("nvidia-dkms-open", full, f"nvidia-kernel-common (= {full})"),
        ("nvidia-dkms", full, f"nvidia-kernel-common (= {full})"),
        ("nvidia-open", full, f"nvidia-dkms-open (= {full}), libnvidia-compute (= {full})"),
        *pinning(version),
    ]


def pinning(version):
    branch = version.partition(".")[0]
    return [
        (f"nvidia-driver-pinning-{branch}", f"{branch}-1", ""),
        (f"nvidia-driver-pinning-{version}", f"{version}-1", ""),
    ]


def debian(version, revision, source):
    """The names that NVIDIA's repository and Debian's share, with those that only one of them has."""
    full = f"{version}-{revision}"
    shared = [
        ("libcuda1", full, ""),
        ("libnvidia-ml1", full, ""),
        ("nvidia-kernel-dkms", full, ""),
        ("nvidia-modprobe", full, ""),
    ]
    if source == "archive":
        tool = ("nvidia-smi", full, f"libnvidia-ml1 (= {full})")
        return [
            *shared,
            tool,
            ("nvidia-open-kernel-dkms", full, ""),
            ("nvidia-persistenced", "550.1-1", "libnvidia-ml1"),
        ]
    userland = (
        "nvidia-driver-cuda",
        full,
        f"libcuda1 (= {full}), libnvidia-ml1 (= {full}), nvidia-persistenced (= {full})",
    )
    return [
        *shared,
        userland,
        ("nvidia-kernel-open-dkms", full, ""),
        ("nvidia-persistenced", full, ""),
        *pinning(version),
    ]


HEADERS = [
    "linux-headers-6.8.0-84-generic",
    "linux-headers-generic",
    "linux-headers-6.12.107+deb13-amd64",
    "linux-headers-amd64",
]
UBUNTU = {
    "NVIDIA": [
        *itertools.chain.from_iterable(
            ubuntu_branched(one, "0ubuntu1") for one in ("570.195.03", "580.95.05", "580.126.09")
        ),
        *itertools.chain.from_iterable(ubuntu_plain(one) for one in ("590.48.01", "595.71.05", "595.91.07")),
        *((f"{part}-570", "570.195.03-1", "") for part in PARTS),
        *((part, f"{one}-1", "") for part in PARTS for one in ("580.95.05", "580.126.09", "595.71.05", "595.91.07")),
    ],
    # The archive has the newer 580 under the very names of the vendor's.
    "Ubuntu": [
        *ubuntu_branched("580.178.04", "0ubuntu0.24.04.1"),
        *ubuntu_server("580.178.04"),
        *ubuntu_server("595.58.03"),
        *((name, "1", "") for name in HEADERS),
    ],
}
DEBIAN = {
    "NVIDIA": [
        *itertools.chain.from_iterable(debian(one, "1", "vendor") for one in ("580.126.09", "595.71.05", "595.91.07")),
    ],
    "Debian": [*debian("550.163.01", "2", "archive"), *((name, "1", "") for name in HEADERS)],
}


class Apt:
    """apt below a folder of its own, with flat repositories of indexes only."""

    def __init__(self, folder, repositories):
        self.folder, self.repositories = folder, repositories
        self.installed = {}
        for path in ("etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
            (folder / path).mkdir(parents=True)
        (folder / "status").write_text("")
        sources = []
        for origin, packages in repositories.items():
            place = folder / origin
            place.mkdir()
            (place / "Packages").write_text("".join(map(_stanza, dict.fromkeys(packages))))
            (place / "Release").write_text(f"Origin: {origin}\nLabel: {origin}\nSuite: stable\n")
            sources.append(f"deb [trusted=yes] file:{place} ./\n")
        (folder / "sources.list").write_text("".join(sources))
        self("apt-get", "update")

    def __call__(self, *command):
        options = {
            "Dir::State": self.folder / "state",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc": self.folder / "etc",
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::preferences": self.folder / "preferences",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "",
            "Debug::NoLocking": "true",
        }
        flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
        done = subprocess.run([command[0], *flags, *command[1:]], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def solve(self, packages, *, pinned=True):
        """What apt would install, by name; the text where it finds nothing."""
        records = [
            f"Package: {pin['packages']}\nPin: {pin['pin']}\nPin-Priority: {pin['priority']}\n"
            for pin in (packages["pins"] if pinned else [])
        ]
        (self.folder / "preferences").write_text("\n".join(records))
        wanted = [one["name"] + ("=" + one["version"] if one["version"] else "") for one in packages["install"]]
        kept = {one["name"] for one in packages["install"]}
        gone = [
            name + "-"
            for name in self.installed
            if name not in kept and any(fnmatchcase(name, pattern) for pattern in packages["remove"])
        ]
        flags = ["-s", "-y", "--no-install-recommends", "--allow-downgrades"]
        code, text = self("apt-get", *flags, "install", *wanted, *packages["headers"], *gone)
        if code:
            return text
        found = dict(re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", text, re.MULTILINE))
        left = set(re.findall(r"^(?:Remv|Purg) (\S+) ", text, re.MULTILINE))
        return {**{name: version for name, version in self.installed.items() if name not in left}, **found}

    def install(self, solved):
        """Take these versions for installed from now on."""
        self.installed = dict(solved)
        known = {
            (name, version): depends for packages in self.repositories.values() for name, version, depends in packages
        }
        stanzas = [
            _stanza((name, version, known[name, version])).replace("\n", "\nStatus: install ok installed\n", 1)
            for name, version in solved.items()
        ]
        (self.folder / "status").write_text("".join(stanzas))


def _stanza(package):
    name, version, depends = package
    lines = [
        f"Package: {name}",
        f"Version: {version}",
        "Architecture: amd64",
        "Maintainer: n",
        f"Filename: ./{name}.deb",
    ]
    lines += [f"Depends: {depends}"] if depends else []
    # Ubuntu's branches exclude each other by a name that all of them provide.
    lines += ["Provides: libnvidia-cfg1", "Conflicts: libnvidia-cfg1"] if name.startswith("libnvidia-cfg1-") else []
    return "\n".join([*lines, "Size: 1", "SHA256: " + "0" * 64, "Description: d", "", ""])


@pytest.fixture(scope="module")
def ubuntu(tmp_path_factory):
    return Apt(tmp_path_factory.mktemp("ubuntu"), UBUNTU)


@pytest.fixture(scope="module")
def trixie(tmp_path_factory):
    return Apt(tmp_path_factory.mktemp("trixie"), DEBIAN)


def upstream(solved):
    """The driver's version of everything that was chosen, but for the pinning package and the headers."""
    assert isinstance(solved, dict), solved
    asides = ("nvidia-driver-pinning-", "linux-headers-")
    return {version.rpartition("-")[0] for name, version in solved.items() if not name.startswith(asides)}


@pytest.mark.parametrize("kind", ["compute", "full"])
@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"branch": "570"}, "570.195.03"),
        ({"branch": "580"}, "580.126.09"),
        ({"branch": "580", "version": "580.95.05"}, "580.95.05"),
        ({"branch": "590", "source": "vendor"}, "590.48.01"),
        ({"branch": "595"}, "595.91.07"),
        ({"branch": "595", "version": "595.71.05"}, "595.71.05"),
    ],
)
def test_everything_comes_from_the_vendor_in_one_version(ubuntu, wish, expected, kind):
    hardware = {} if wish["branch"] == "590" else HGX
    planned = plan(facts("ubuntu24", **hardware), kind=kind, **wish)
    assert planned["blocked"] == []
    solved = ubuntu.solve(planned["packages"])
    assert upstream(solved) == {expected}
    assert {one["name"] for one in planned["packages"]["install"]} <= set(solved)


def test_without_the_pins_the_solver_mixes(ubuntu):
    packages = plan(facts("ubuntu24", **HGX), branch="570")["packages"]
    parts = [*packages["install"], {"name": "nvidia-imex", "version": ""}]
    assert upstream(ubuntu.solve({**packages, "install": parts}, pinned=False)) == {"570.195.03", "595.91.07"}
    packages = plan(facts("ubuntu24", **HGX), branch="580")["packages"]
    assert "nvidia-persistenced" in ubuntu.solve(packages, pinned=False)
    assert isinstance(ubuntu.solve(packages, pinned=False), str)


def test_a_branch_that_is_not_there_is_an_error_and_not_another_branch(ubuntu):
    said = ubuntu.solve(plan(facts("ubuntu24", **HGX), branch="610")["packages"])
    assert isinstance(said, str)
    assert "nvidia-dkms-open" in said


def test_a_version_that_is_not_there_is_an_error(ubuntu):
    said = ubuntu.solve(plan(facts("ubuntu24"), branch="595", version="595.80.01")["packages"])
    assert isinstance(said, str)


@pytest.mark.parametrize(("branch", "expected"), [("580", "580.178.04"), ("595", "595.58.03")])
def test_ubuntus_archive_brings_modules_and_userland_of_one_branch(ubuntu, branch, expected):
    packages = plan(facts("ubuntu24", **HGX), source="archive", branch=branch)["packages"]
    solved = ubuntu.solve(packages)
    assert upstream({name: one for name, one in solved.items() if "linux-modules" not in name}) == {expected}
    assert solved[f"linux-modules-nvidia-{branch}-server-open-6.8.0-84-generic"] == "6.8.0-84.84+1"
    assert f"nvidia-fabricmanager-{branch}" in solved
    assert not [name for name in solved if "dkms" in name and "no-dkms" not in name]


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"branch": "580"}, "580.126.09"),
        ({"branch": "595"}, "595.91.07"),
        ({"branch": "595", "version": "595.71.05"}, "595.71.05"),
        ({"branch": "595", "flavour": "proprietary"}, "595.91.07"),
    ],
)
def test_debian_takes_shared_names_from_the_vendor(trixie, wish, expected):
    packages = plan(facts("debian13"), **wish)["packages"]
    assert upstream(trixie.solve(packages)) == {expected}


@pytest.mark.parametrize("version", ["", "550.163.01"])
def test_debian_takes_them_from_its_archive_where_that_is_wanted(trixie, version):
    wish = {"source": "archive", "branch": "550", "version": version}
    packages = plan(facts("debian13"), **wish)["packages"]
    solved = trixie.solve(packages)
    assert upstream({name: one for name, one in solved.items() if name != "nvidia-persistenced"}) == {"550.163.01"}
    assert solved["nvidia-persistenced"] == "550.1-1"
    assert "595.91.07-1 is to be installed" in trixie.solve(packages, pinned=False)


CHOICES = [
    {"branch": "570"},
    {"branch": "580"},
    {"branch": "580", "version": "580.95.05"},
    {"branch": "580", "flavour": "proprietary"},
    {"branch": "580", "kind": "full"},
    {"branch": "595"},
    {"branch": "595", "version": "595.71.05", "kind": "full"},
    {"branch": "580", "source": "archive"},
    {"branch": "595", "source": "archive"},
]
DEBIANS = [
    {"branch": "580"},
    {"branch": "595"},
    {"branch": "595", "flavour": "proprietary"},
    {"branch": "550", "source": "archive"},
    {"branch": "550", "source": "archive", "flavour": "open", "accept": ["known_bad"]},
]


def pairs(choices, *steps):
    """Each choice with those that follow it at some distance, round and round: every one comes first and second."""
    return [(one, choices[(number + step) % len(choices)]) for number, one in enumerate(choices) for step in steps]


def named(choice):
    return "-".join(choice[key] for key in ("source", "branch", "version", "flavour", "kind") if key in choice)


def switched(apt, system, before, after):
    """The packages after both choices, one upon the other; then what a third run of the last would change."""
    hardware = HGX if system == "ubuntu24" else {}
    first, last = (plan(facts(system, **hardware), **choice)["packages"] for choice in (before, after))
    try:
        apt.install(apt.solve(first))
        then = apt.solve(last)
        assert isinstance(then, dict), then
        apt.install(then)
        return first, last, then, apt.solve(last)
    finally:
        apt.install({})


@pytest.mark.parametrize(
    ("system", "before", "after"),
    [
        *(pytest.param("ubuntu24", *two, id=" to ".join(map(named, two))) for two in pairs(CHOICES, 1, 2, 4, 7)),
        *(
            pytest.param("debian13", *two, id="debian " + " to ".join(map(named, two)))
            for two in pairs(DEBIANS, 1, 2, 3)
        ),
    ],
)
def test_any_choice_can_follow_any_other_and_leaves_nothing_of_it(ubuntu, trixie, system, before, after):
    apt = ubuntu if system == "ubuntu24" else trixie
    first, last, then, again = switched(apt, system, before, after)
    asked, was_asked = ({one["name"] for one in packages["install"]} for packages in (last, first))
    assert asked <= set(then)
    versions = {then[name].rpartition("-")[0] for name in last["hold"] if "linux-modules" not in name}
    assert len(versions) == 1
    # A package that both kinds need, or a name that both sources have, may stay: in the new version.
    stayed = {then[name].rpartition("-")[0] for name in (was_asked - asked) & set(then)}
    assert stayed <= versions
    assert again == then
