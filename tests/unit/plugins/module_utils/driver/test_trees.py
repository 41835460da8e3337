# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From sysfs to a plan: the hosts of gpu_trees, read by gpu_info's own reader."""

from __future__ import annotations

import json

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host
from driver_case import codes, installed, plan, set_up
from gpu_trees import TREES

KERNEL = "6.8.0-84-generic"
BACK = {"source": "archive", "branch": "550", "flavour": "proprietary"}
# tree, wish -> action, flavour, what is peculiar to the packages, price, blocked or skipped
CASES = [
    ("none", {}, "none", "", [], "", "skipped"),
    ("t4", {}, "none", "open", ["nvidia-dkms-580-open"], "", ""),
    ("t4", {"branch": "595"}, "upgrade", "open", ["nvidia-dkms-open", "nvidia-driver-pinning-595"], "dl", ""),
    ("t4", {"branch": "535", "flavour": "open"}, "none", "open", [], "", "branch_os"),
    ("t4_bare", {"branch": "595"}, "install", "open", ["nvidia-kernel-open-dkms", "nvidia-driver-cuda"], "dr", ""),
    ("t4_bare", {**BACK, "flavour": "auto"}, "install", "proprietary", ["nvidia-kernel-dkms", "nvidia-smi"], "dr", ""),
    ("t4_bare", {**BACK, "flavour": "open"}, "none", "open", [], "", "known_bad"),
    ("hgx_h100", {}, "none", "open", ["nvidia-fabricmanager", "libnvidia-nscq"], "", ""),
    ("hgx_h100", {"branch": "595"}, "upgrade", "open", ["nvidia-fabricmanager", "libnvidia-nscq"], "dr", ""),
    ("hgx_h100", {"branch": "570"}, "upgrade", "open", ["nvidia-fabricmanager-570", "libnvidia-nscq-570"], "dr", ""),
    ("hgx_b200", {}, "none", "open", ["nvidia-fabricmanager", "libnvsdm", "nvlsm", "infiniband-diags"], "", ""),
    ("hgx_b200", {"flavour": "proprietary"}, "none", "proprietary", [], "", "proprietary_too_new"),
    ("v100_a100", {}, "none", "proprietary", ["kmod-nvidia-latest-dkms"], "", ""),
    ("v100_a100", {"branch": "595"}, "none", "proprietary", [], "", "branch_gpu"),
    ("v100_a100", {"flavour": "open"}, "none", "open", [], "", "open_too_old"),
    ("gb200", {}, "none", "open", ["nvidia-imex", "nvidia-modprobe"], "", ""),
    ("vgpu_guest", {}, "none", "open", [], "", "vgpu"),
    ("vfio", {}, "none", "", [], "", "skipped"),
    ("half_removed", {}, "upgrade", "open", ["nvidia-kernel-open-dkms", "nvidia-driver-cuda"], "l", ""),
    ("upgrading", {}, "repair", "open", ["nvidia-dkms-580-open"], "dl", ""),
    ("debian_archive", BACK, "none", "proprietary", ["nvidia-kernel-dkms", "libcuda1"], "", ""),
    (
        "debian_archive",
        {"source": "archive", "branch": "535"},
        "upgrade",
        "proprietary",
        ["nvidia-tesla-535-smi"],
        "dl",
        "",
    ),
    ("debian_archive", {"branch": "595"}, "none", "proprietary", [], "", "branch_gpu"),
]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hosts")
    found = {}
    for name, make in TREES.items():
        root = folder / name
        root.mkdir()
        make(root)
        set_up(root)
        found[name] = json.loads(json.dumps(_host.look(str(root))))
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_host_as_it_is_found_gets_its_plan(hosts, case):
    tree, wish, action, flavour, packages, price, blocked = case
    planned = plan(hosts[tree], disruption=True, **wish)
    if blocked == "skipped":
        assert planned["skipped"]
        assert codes(planned) == []
    else:
        assert codes(planned) == ([blocked] if blocked else [])
        assert planned["wanted"]["flavour"] == flavour
    assert planned["action"] == action
    assert set(packages) <= set(installed(planned))
    flags = {"d": planned["drain"], "l": planned["reload"], "r": planned["reboot"]}
    assert "".join(letter for letter, on in flags.items() if on) == price


def test_every_tree_is_planned(hosts):
    assert {case[0] for case in CASES} == set(TREES) == set(hosts)


def test_a_plan_goes_through_json(hosts):
    for host in hosts.values():
        planned = plan(host)
        assert json.loads(json.dumps(planned)) == planned


def test_grace_blackwell_comes_from_the_repository_for_arm_servers(hosts):
    planned = plan(hosts["gb200"])
    assert planned["repository"]["uri"].endswith("/ubuntu2404/sbsa/")
    assert planned["modprobe"]["options"]["nvidia"] == {"NVreg_CoherentGPUMemoryMode": "driver"}


def test_a_driver_that_is_half_gone_is_told(hosts):
    notes = plan(hosts["half_removed"])["notes"]
    assert any("has no module for it, though 535.261.03 is there" in note for note in notes)
