# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every choice that the package table has for apt, installed by apt and dpkg; and what pins and holds promise."""

from __future__ import annotations

import pytest
from driver_case import facts, plan

MIRROR = {"mirror": "file:/repositories"}
HGX = {"generation": "hopper", "nvswitches": [{"address": "0000:07:00.0", "device": "22a3", "driver": ""}]}
NVLINK5 = {"generation": "blackwell", "nvlink5": True}


def versions(root):
    """Installed packages with their versions."""
    listed = root.run("dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n")
    rows = (line.split() for line in listed.splitlines())
    return {name: version for name, version, status in rows if status == "installed"}


def upstream(installed):
    """The driver's version of all that must have it."""
    apart = ("linux-", "dkms", "libgl1", "infiniband", "nvidia-driver-pinning", "nvlsm", "unattended")
    return {version.rpartition("-")[0] for name, version in installed.items() if not name.startswith(apart)}


def planned(system, hardware=None, **wish):
    mirror = {} if wish.get("source") == "archive" else MIRROR
    made = plan(facts(system, **(hardware or {})), **mirror, **wish)
    assert made["blocked"] == []
    return made


def installs(root, made):
    answer = root.packages(made, allow_downgrade=True)
    assert "failed" not in answer, answer["failed"]
    return versions(root)


UBUNTU = [
    ({"branch": "550", "flavour": "open"}, "550.163.01"),
    ({"branch": "550", "flavour": "open", "kind": "full"}, "550.163.01"),
    ({"branch": "570", "flavour": "open"}, "570.195.03"),
    ({"branch": "570", "flavour": "proprietary", "kind": "full"}, "570.195.03"),
    ({"branch": "580", "flavour": "open"}, "580.126.20"),
    ({"branch": "580", "flavour": "proprietary"}, "580.126.20"),
    ({"branch": "580", "flavour": "open", "kind": "full"}, "580.126.20"),
    ({"branch": "580", "flavour": "open", "version": "580.95.05"}, "580.95.05"),
    ({"branch": "590", "flavour": "open"}, "590.48.01"),
    ({"branch": "595", "flavour": "proprietary"}, "595.91.07"),
    ({"branch": "595", "flavour": "open", "kind": "full"}, "595.91.07"),
    ({"branch": "595", "flavour": "proprietary", "kind": "full"}, "595.91.07"),
    ({"branch": "580", "flavour": "open", "source": "archive"}, "580.173.02"),
    ({"branch": "580", "flavour": "proprietary", "source": "archive"}, "580.173.02"),
    ({"branch": "580", "flavour": "open", "source": "archive", "kind": "full"}, "580.173.02"),
    ({"branch": "535", "flavour": "proprietary", "source": "archive", "kind": "full"}, "535.274.02"),
]
DEBIAN = [
    ({"branch": "580", "flavour": "open"}, "580.126.20"),
    ({"branch": "580", "flavour": "proprietary"}, "580.126.20"),
    ({"branch": "580", "flavour": "open", "kind": "full"}, "580.126.20"),
    ({"branch": "595", "flavour": "proprietary", "kind": "full"}, "595.91.07"),
    ({"branch": "580", "flavour": "open", "version": "580.95.05"}, "580.95.05"),
]


OLDER = [(wish, expected) for wish, expected in UBUNTU if wish["branch"] == "580"]


@pytest.mark.parametrize(("system", "rows"), [("ubuntu22", OLDER), ("ubuntu24", UBUNTU)])
def test_ubuntu_installs_every_row_in_one_version(apt_host, system, rows):
    root = apt_host(system)
    for wish, expected in rows:
        assert upstream(installs(root, planned(system, **wish))) == {expected}, wish


@pytest.mark.parametrize("system", ["debian12", "debian13"])
def test_debian_installs_every_row_of_the_vendor_in_one_version(apt_host, system):
    root = apt_host(system)
    for wish, expected in DEBIAN:
        assert upstream(installs(root, planned(system, **wish))) == {expected}, wish


def test_a_branch_without_pins_would_have_been_overtaken(apt_host):
    root = apt_host("debian13")
    asked = ("nvidia-kernel-open-dkms", "nvidia-driver-cuda")
    assert "595.91.07" in root.run("apt-get", "-s", "install", *asked)
    installs(root, planned("debian13", branch="580"))
    moved = root.run("apt-get", "-s", "--allow-change-held-packages", "dist-upgrade")
    assert "595.91.07" not in moved


def test_what_must_have_one_version_moves_in_one_transaction(apt_host):
    root = apt_host("ubuntu24")
    wish = {"branch": "580", "flavour": "open"}
    installs(root, planned("ubuntu24", HGX, version="580.95.05", **wish))
    before = versions(root)
    assert {"nvidia-fabricmanager", "libnvidia-nscq"} <= set(before)
    assert upstream(before) == {"580.95.05"}
    held = set(root.run("apt-mark", "showhold").split())
    assert {"nvidia-dkms-580-open", "nvidia-fabricmanager", "libnvidia-nscq"} <= held
    # Whoever upgrades the host, by hand or by unattended-upgrades, moves nothing of it.
    root.run("apt-get", "-q", "-y", "dist-upgrade")
    assert versions(root) == before

    answer = root.packages(planned("ubuntu24", HGX, **wish))
    assert {change["to"].rpartition("-")[0] for change in answer["changes"] if change["from"]} == {"580.126.20"}
    assert upstream(versions(root)) == {"580.126.20"}

    back = root.packages(planned("ubuntu24", HGX, **wish), state="rolled_back")
    assert back.get("rolled_back"), back
    assert versions(root) == before
    assert set(root.run("apt-mark", "showhold").split()) == held


def test_a_second_run_changes_nothing(apt_host):
    root = apt_host("debian12")
    made = planned("debian12", branch="580")
    assert root.packages(made)["changed"]
    assert not root.packages(made)["changed"]


def test_a_simulation_tells_what_the_transaction_does(apt_host):
    root = apt_host("debian12")
    made = planned("debian12", branch="580")
    told = root.packages(made, check=True)["changes"]
    assert versions(root) == {}
    assert root.packages(made)["changes"] == told


def test_a_branch_that_no_repository_has_is_refused_and_nothing_changes(apt_host):
    root = apt_host("debian13")
    before = versions(root)
    answer = root.packages(planned("debian13", branch="590"))
    assert "590" in answer["failed"]
    assert versions(root) == before
