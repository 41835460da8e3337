# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done and what it costs."""

from __future__ import annotations

import pytest
from driver_case import VERSION, built_module, change, codes, driven, facts, plan

NEWER = "580.126.09"
UP = [
    change("nvidia-dkms-580-open", f"{NEWER}-0ubuntu1", f"{VERSION}-0ubuntu1"),
    change("libnvidia-compute-580", f"{NEWER}-0ubuntu1", f"{VERSION}-0ubuntu1"),
]
NEW = [change("nvidia-dkms-580-open", f"{VERSION}-0ubuntu1"), change("libnvidia-compute-580", f"{VERSION}-0ubuntu1")]
HEADERS = [change("linux-headers-6.8.0-90-generic", "6.8.0-90.91"), change("linux-headers-6.8.0-90", "6.8.0-90.91")]
KERNEL = facts()["kernel"]["running"]
SWITCH = {"nvswitches": [{"address": "0000:07:00.0", "device": "22a3", "driver": ""}]}
HELD = {"nvidia": {"refcount": 3, "holders": []}, "nvidia_peermem": {"refcount": 0, "holders": []}}
NOUVEAU = {"nouveau": {"loaded": True, "blacklisted": False}, "modules": {"nouveau": {"refcount": 2, "holders": []}}}
FREE = {**NOUVEAU, "modules": {"nouveau": {"refcount": 0, "holders": []}}}
NEXT = "6.8.0-90-generic"
BROKEN = {"dkms": [built_module(VERSION, KERNEL, "broken")]}

# what there is, what the package manager would change, the action, then d(rain) l(oad anew) r(eboot)
CASES = {
    "as wanted, not asked": (driven(), None, "none", ""),
    "as wanted, asked": (driven(), [], "none", ""),
    "new host, not asked": (facts(), None, "install", "l"),
    "new host": (facts(), NEW, "install", "l"),
    "new host, nouveau idle": (facts(**FREE), NEW, "install", "l"),
    "new host, nouveau drives the console": (facts(**NOUVEAU), NEW, "install", "dr"),
    "new host, next kernel": (facts(next=NEXT), NEW, "install", "l"),
    "newer version": (driven(), UP, "upgrade", "dl"),
    "newer version, next kernel": (driven(next=NEXT), UP, "upgrade", "dr"),
    "newer version, NVSwitch": (driven(**SWITCH), UP, "upgrade", "dr"),
    "newer version, NVLink5": (driven(generation="blackwell", nvlink5=True), UP, "upgrade", "dr"),
    "newer version, IMEX": (driven(generation="blackwell", coherent=True), UP, "upgrade", "dr"),
    "newer version, peer memory": (driven(modules=HELD), UP, "upgrade", "dr"),
    "newer version, nothing loaded": (driven(driver={"loaded": "", "loaded_flavour": ""}), UP, "upgrade", "l"),
    "other branch, not asked": (driven("570.195.03"), None, "upgrade", "dl"),
    "other flavour, not asked": (driven(VERSION, "proprietary"), None, "upgrade", "dl"),
    "only headers": (driven(), HEADERS, "repair", ""),
    "only a dependency": (driven(), [change("gcc-13", "13.3.0-6")], "repair", ""),
    "upgraded before, never loaded": (driven(driver={"loaded": "570.195.03"}), [], "repair", "dl"),
    "upgraded before, NVSwitch": (driven(driver={"loaded": "570.195.03"}, **SWITCH), [], "repair", "dr"),
    "other flavour loaded": (driven(driver={"loaded_flavour": "proprietary"}), [], "repair", "dl"),
    "installed, not loaded": (driven(driver={"loaded": "", "loaded_flavour": ""}), [], "repair", "l"),
    "userland of another version": (
        driven(driver={"userland": "570.195.03"}),
        [change("libnvidia-compute-580", f"{VERSION}-0ubuntu1", "570.195.03-0ubuntu1")],
        "repair",
        "d",
    ),
    "userland gone": (
        driven(driver={"userland": ""}),
        [change("libnvidia-compute-580", f"{VERSION}-0ubuntu1")],
        "repair",
        "d",
    ),
    "module of the running kernel gone": (driven(driver={"on_disk": "", "loaded": ""}), [], "repair", "l"),
    "module of the next kernel not built": (
        driven(next=NEXT, dkms=[built_module(VERSION, KERNEL), built_module(VERSION, NEXT, "added")]),
        [],
        "repair",
        "",
    ),
    "nothing for the next kernel": (driven(next=NEXT, driver={"on_disk_next": ""}), [], "repair", ""),
    "build broken": (driven(**BROKEN), [], "repair", ""),
    "another's DKMS module broken": (
        driven(dkms=[built_module("2.5", KERNEL, "broken", module="gdrdrv")]),
        [],
        "none",
        "",
    ),
    "half removed": (
        facts("debian12", driver={"userland": "535.261.03"}, dkms=[built_module("535.261.03", "", "broken")]),
        None,
        "upgrade",
        "l",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_price_is_what_the_change_needs(name):
    host, changes, action, price = CASES[name]
    planned = plan(host, changes, disruption=True)
    assert codes(planned) == []
    assert planned["action"] == action
    flags = {"d": planned["drain"], "l": planned["reload"], "r": planned["reboot"]}
    assert "".join(letter for letter, on in flags.items() if on) == price
    assert planned["pending"] == ""


@pytest.mark.parametrize("name", CASES)
def test_a_drain_waits_for_consent_and_nothing_else_does(name):
    host, changes, action, price = CASES[name]
    planned = plan(host, changes)
    assert planned["action"] == action
    assert ("nvidia_driver_disruption" in planned["pending"]) is ("d" in price)
    assert bool(planned["pending"]) is ("d" in price)


def test_a_reboot_that_is_never_allowed_is_pending_even_with_consent():
    planned = plan(driven(**SWITCH), UP, disruption=True, reboot="never")
    assert planned["pending"] == "needs a reboot, and nvidia_driver_reboot is never"
    assert planned["reboot"]
    assert plan(driven(), UP, disruption=True, reboot="never")["pending"] == ""


def test_users_alone_make_a_host_live():
    idle = driven(driver={"loaded": ""})
    assert not plan(idle, UP)["drain"]
    assert plan({**idle, "users": [{"pid": 7, "command": "python", "device": "/dev/nvidia0"}]}, UP)["drain"]


def test_the_version_wanted_is_told_once_it_is_known():
    assert plan(driven(), UP)["wanted"]["version"] == NEWER
    assert plan(driven())["wanted"]["version"] == VERSION
    assert plan(facts())["wanted"]["version"] == ""
    assert plan(facts(), version=VERSION)["wanted"]["version"] == VERSION


@pytest.mark.parametrize(
    ("system", "package", "version", "expected"),
    [
        ("rhel9", "nvidia-driver-cuda", "3:580.126.09-1.el9", NEWER),
        ("rhel10", "kmod-nvidia-open-dkms", "580.126.09-1.el10", NEWER),
        ("debian13", "libcuda1", "550.163.01-2", "550.163.01"),
        ("debian13", "nvidia-modprobe", "570.133.07-1", ""),
        ("debian13", "nvidia-persistenced", "535.171.04-1", ""),
        ("ubuntu24", "nvidia-headless-no-dkms-580-server-open", "580.126.09-0ubuntu0.24.04.1", NEWER),
        ("ubuntu24", "linux-modules-nvidia-580-server-open-6.8.0-84-generic", "6.8.0-84.84+1", ""),
        ("ubuntu24", "nvidia-container-toolkit", "1.20.0-1", ""),
        ("ubuntu24", "nvlsm", "2025.06.6-1", ""),
    ],
)
def test_a_package_version_is_read_for_the_drivers(system, package, version, expected):
    wishes = {
        "debian13": {"source": "archive", "branch": "550", "flavour": "proprietary"},
        "ubuntu24": {"source": "archive"},
    }
    host = facts(system, driver={"on_disk": "1.1", "userland": "1.1", "loaded": "1.1"})
    planned = plan(host, [change(package, version, "1")], **wishes.get(system, {}))
    assert planned["wanted"]["version"] == expected


def test_a_helper_with_a_version_of_its_own_loads_nothing_anew():
    there = driven("550.163.01", "proprietary", system="debian13")
    wish = {"source": "archive", "branch": "550", "flavour": "proprietary"}
    planned = plan(there, [change("nvidia-modprobe", "570.133.07-1", "535.161.07-1")], **wish)
    assert (planned["action"], planned["reload"], planned["reboot"]) == ("upgrade", False, False)


def test_going_back_is_an_upgrade_that_says_so():
    planned = plan(driven(NEWER), version=VERSION)
    assert planned["action"] == "upgrade"
    assert f"goes back from {NEWER} to {VERSION}" in planned["notes"]


def test_a_rollback_goes_to_what_was_there_before():
    before = {"version": "570.195.03", "source": "vendor", "flavour": "open", "kind": "compute"}
    planned = plan(driven(), rollback=True, previous=before)
    assert planned["wanted"]["branch"] == "570"
    assert planned["packages"]["install"][0] == {"name": "nvidia-dkms-570-open", "version": "570.195.03*"}
    assert planned["action"] == "upgrade"
    done = plan(driven("570.195.03"), rollback=True, previous=before)
    assert done["action"] == "none"
    assert codes(plan(driven(), rollback=True)) == ["rollback"]


def test_a_rollback_needs_no_repository_that_has_the_branch():
    host = driven(system="debian13")
    before = {"version": "570.195.03", "flavour": "open"}
    assert codes(plan(host, branch="570")) == ["branch_os"]
    planned = plan(host, rollback=True, previous=before)
    assert (codes(planned), planned["action"], planned["wanted"]["version"]) == ([], "upgrade", "570.195.03")


def test_a_driver_that_no_package_brought_is_not_built_over():
    from_runfile = driven(dkms=[])
    planned = plan(from_runfile, NEW)
    assert codes(planned) == ["foreign"]
    assert planned["packages"]["install"] == []
    switched = [*NEW, change("nvidia-headless-no-dkms-580-server-open", "", "580.1")]
    assert codes(plan(from_runfile, switched)) == []
    assert codes(plan(driven(), NEW)) == []


def test_why_a_host_must_boot_is_noted():
    assert "reboot: the GPUs are joined by NVSwitches" in plan(driven(**SWITCH), UP)["notes"]
    notes = plan(driven(next=NEXT, modules=HELD), UP)["notes"]
    assert f"reboot: the next boot takes kernel {NEXT}, {KERNEL} is running" in notes
    assert "reboot: nvidia_peermem holds the driver" in notes
    assert not [note for note in plan(driven(), UP)["notes"] if note.startswith("reboot")]
