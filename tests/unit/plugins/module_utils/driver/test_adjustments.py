# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of settings alone: what is written, when modules are loaded anew, and what nobody may overrule."""

from __future__ import annotations

import os

import gpu_trees
import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import fleet
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._settings import (
    MODPROBE,
    PERSISTENCED,
    PID,
    UNATTENDED,
    same,
)
from driver_case import codes, plan, set_up

BAR = {"nvidia": {"NVreg_EnableResizableBar": 1}}
YES = {"disruption": True}
DAEMON = "ExecStart=/usr/bin/nvidia-persistenced"


@pytest.fixture
def t4(tmp_path):
    tree = gpu_trees.t4(tmp_path)
    set_up(tmp_path)
    return tree


def planned(tree, **wish):
    """With a package manager that would change nothing."""
    return plan(_host.look(str(tree.root)), changes=[], **{**YES, **wish})


def price(found):
    return "".join(
        name[0] for name in ("drain", "load", "boot") if found[{"load": "reload", "boot": "reboot"}.get(name, name)]
    )


def test_a_host_that_is_set_up_is_left_alone(t4):
    found = planned(t4)
    assert (found["action"], found["settings"], price(found)) == ("none", [], "")


@pytest.mark.parametrize("path", [MODPROBE, PERSISTENCED, UNATTENDED])
def test_a_file_that_is_gone_is_written_without_a_drain(t4, path):
    t4.unlink(path)
    found = planned(t4)
    assert (found["action"], found["settings"], price(found)) == ("settings", [f"{path} is missing"], "")


def test_a_system_without_unattended_upgrades_gets_no_file_for_it(tmp_path):
    gpu_trees.v100_a100(tmp_path)
    set_up(tmp_path)
    assert not (tmp_path / UNATTENDED.lstrip("/")).exists()
    assert plan(_host.look(str(tmp_path)), changes=[])["action"] == "none"


def test_an_option_that_the_kernel_shows_is_loaded_anew(t4):
    found = planned(t4, module_options=BAR)
    assert (found["action"], price(found)) == ("settings", "dl")
    assert found["settings"] == [
        f"{MODPROBE}: + options nvidia NVreg_EnableResizableBar=1",
        "nvidia is loaded with NVreg_EnableResizableBar=0, wanted is 1",
    ]


def test_without_consent_it_is_pending_and_the_table_says_what_for(t4):
    found = planned(t4, module_options=BAR, disruption=False)
    assert found["pending"] == "needs a drain and a reload: allow it with nvidia_driver_disruption"
    row = fleet.line({"host": "gpu1", "plan": found})
    assert row.status == fleet.PENDING
    assert row.cells[2:4] == ("settings", "yes")
    assert row.remarks[1:] == tuple(found["settings"])


def test_a_run_that_was_cut_off_between_file_and_load_is_made_up_for(t4):
    set_up(t4.root, module_options=BAR)
    found = planned(t4, module_options=BAR)
    assert found["settings"] == ["nvidia is loaded with NVreg_EnableResizableBar=0, wanted is 1"]
    assert price(found) == "dl"
    gpu_trees.loaded(t4, "580.95.05", EnableResizableBar="1")
    assert planned(t4, module_options=BAR)["action"] == "none"


def test_what_is_loaded_already_is_only_written(t4):
    gpu_trees.loaded(t4, "580.95.05", EnableResizableBar="1")
    found = planned(t4, module_options=BAR)
    assert (found["action"], price(found)) == ("settings", "")


def test_an_option_that_the_kernel_hides_goes_by_the_file(t4):
    hidden = {"nvidia": {"NVreg_NobodyKnows": "a b"}}
    found = planned(t4, module_options=hidden)
    assert found["settings"][1] == "nvidia is loaded, and doesn't tell its NVreg_NobodyKnows, wanted is a b"
    assert price(found) == "dl"
    set_up(t4.root, module_options=hidden)
    assert planned(t4, module_options=hidden)["action"] == "none"


def test_an_option_that_is_dropped_is_loaded_anew(t4):
    set_up(t4.root, module_options=BAR)
    gpu_trees.loaded(t4, "580.95.05", EnableResizableBar="1")
    found = planned(t4)
    assert found["settings"] == [
        f"{MODPROBE}: - options nvidia NVreg_EnableResizableBar=1",
        "nvidia is loaded with NVreg_EnableResizableBar=1, wanted is its default",
    ]
    assert price(found) == "dl"


def test_an_option_of_a_module_that_is_not_loaded_holds_from_its_load(t4):
    found = planned(t4, module_options={"nvidia-peermem": {"peerdirect_support": 1}})
    assert (found["action"], price(found)) == ("settings", "")


def test_a_boolean_of_another_module_is_read_from_sysfs(t4):
    found = planned(t4, module_options={"nvidia-drm": {"modeset": True}})
    assert found["settings"][1] == "nvidia_drm is loaded with modeset=N, wanted is 1"
    assert planned(t4, module_options={"nvidia_drm": {"modeset": 0}})["settings"] == [
        f"{MODPROBE}: + options nvidia_drm modeset=0"
    ]


def test_gpus_joined_by_switches_reboot_for_it(tmp_path):
    tree = gpu_trees.hgx_h100(tmp_path)
    set_up(tmp_path)
    assert price(planned(tree, module_options=BAR)) == "db"
    found = planned(tree, module_options=BAR, reboot="never")
    assert found["pending"] == "needs a reboot, and nvidia_driver_reboot is never"


def test_persistence_alone_needs_no_drain(t4):
    gpu_trees.process(t4, 901, "nvidia-persistenced")
    t4.write("/proc/901/cmdline", "/usr/bin/nvidia-persistenced\0--persistence-mode\0--verbose\0")
    t4.write(PID, "901")
    assert planned(t4)["action"] == "none"
    found = planned(t4, persistence=False)
    assert (found["action"], price(found)) == ("settings", "")
    assert found["settings"] == [
        f"{PERSISTENCED}: - {DAEMON} --persistence-mode --verbose; + {DAEMON} --no-persistence-mode --verbose",
        "nvidia-persistenced runs with persistence mode",
    ]


def test_a_daemon_that_still_runs_as_before_is_told(t4):
    gpu_trees.process(t4, 901, "nvidia-persistenced")
    t4.write("/proc/901/cmdline", "/usr/bin/nvidia-persistenced\0--no-persistence-mode\0")
    t4.write(PID, "901")
    assert planned(t4)["settings"] == ["nvidia-persistenced runs without persistence mode"]


def test_another_process_with_the_number_of_the_daemon_is_not_taken_for_it(t4):
    gpu_trees.process(t4, 901, "bash")
    t4.write("/proc/901/cmdline", "bash\0--no-persistence-mode\0")
    t4.write(PID, "901")
    assert planned(t4)["action"] == "none"


def test_an_image_for_the_boot_that_is_older_is_built_anew(t4):
    image = t4.write(f"/boot/initrd.img-{t4.kernel}", "image")
    copy = t4.write(f"/boot/initrd.img-{t4.kernel}.old-dkms", "image")
    os.utime(image, (1, 1))
    os.utime(copy, (1, 1))
    assert planned(t4)["settings"] == [f"/boot/initrd.img-{t4.kernel} is older than the module options"]


def test_an_upgrade_says_what_else_it_sets(t4):
    change = {"name": "nvidia-dkms-580-open", "from": "580.95.05-1", "to": "580.105.08-1"}
    found = plan(_host.look(str(t4.root)), changes=[change], module_options=BAR, **YES)
    assert (found["action"], price(found), len(found["settings"])) == ("upgrade", "dl", 2)


LATER = [
    ("/etc/modprobe.d/zz-local.conf", "options nvidia NVreg_EnableResizableBar=0"),
    ("/proc/cmdline", "quiet nvidia.NVreg_EnableResizableBar=0x0"),
]


@pytest.mark.parametrize(("path", "text"), LATER)
def test_an_option_that_is_overruled_is_refused(t4, path, text):
    t4.write(path, text)
    found = planned(t4, module_options=BAR)
    assert codes(found) == ["module_options"]
    assert path in found["blocked"][0]["reason"]
    assert codes(planned(t4)) == []


EARLIER = [
    ("/etc/modprobe.d/nvidia.conf", "options nvidia NVreg_EnableResizableBar=0"),
    ("/etc/modprobe.d/zz-local.conf", "options nvidia NVreg_EnableResizableBar=0x1"),
    ("/etc/modprobe.d/zz-local.conf", "options nouveau NVreg_EnableResizableBar=0"),
]


@pytest.mark.parametrize(("path", "text"), EARLIER)
def test_what_does_not_overrule_is_no_reason(t4, path, text):
    t4.write(path, text)
    assert codes(planned(t4, module_options=BAR)) == []


def test_a_module_option_in_quotes_is_read_whole(t4):
    t4.write("/etc/modprobe.d/a.conf", 'options nvidia NVreg_RegistryDwords="A=1; B=2" NVreg_X=1')
    found = [one for one in _host.look(str(t4.root))["settings"]["options"] if one["file"] == "/etc/modprobe.d/a.conf"]
    assert [(one["option"], one["value"]) for one in found] == [("NVreg_RegistryDwords", "A=1; B=2"), ("NVreg_X", "1")]


def test_a_host_without_a_driver_is_not_only_set_up(tmp_path):
    gpu_trees.t4_bare(tmp_path)
    found = plan(_host.look(str(tmp_path)), branch="595", **YES)
    assert (found["action"], found["settings"]) == ("install", [])


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("1", "0x1", True),
        ("4294967295", "-1", True),
        ("Y", "1", True),
        ("driver", "driver", True),
        ("driver", "numa", False),
        ("0", "N", True),
        ("0", "", False),
    ],
)
def test_values_that_mean_the_same(one, other, equal):
    assert same(one, other) is equal
