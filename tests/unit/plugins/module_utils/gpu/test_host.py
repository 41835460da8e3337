# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole hosts, each as a tree of plain files: everything gpu_info says of them."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import gpu_trees
import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _gpu
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host, _types

KEYS = {
    "os",
    "architecture",
    "gpus",
    "generations",
    "nvswitches",
    "nvlink5",
    "coherent",
    "vgpu_guest",
    "vgpu_host",
    "passthrough",
    "secure_boot",
    "signatures_enforced",
    "kernel",
    "nouveau",
    "driver",
    "modules",
    "settings",
    "dkms",
    "mig",
    "users",
    "expected_gpus",
    "found_gpus",
    "unread",
}
"""Other parts of the collection read these by name."""

PLAIN = {
    "nvlink5": False,
    "coherent": False,
    "vgpu_guest": False,
    "vgpu_host": False,
    "passthrough": False,
    "nouveau": {"loaded": False, "blacklisted": False},
    "users": [],
    "unread": [],
}

HOSTS = {
    "none": {"architecture": "x86_64", "generations": [], "found_gpus": 0, "nvswitches": [], "modules": {}},
    "t4": {"generations": ["turing"], "found_gpus": 1},
    "t4_bare": {"generations": ["turing"], "nouveau": {"loaded": True, "blacklisted": False}},
    "hgx_h100": {"generations": ["hopper"], "found_gpus": 8, "secure_boot": "disabled"},
    "hgx_b200": {"generations": ["blackwell"], "found_gpus": 8, "nvlink5": True, "nvswitches": []},
    "v100_a100": {"generations": ["ampere", "volta"], "found_gpus": 2},
    "gb200": {
        "architecture": "aarch64",
        "generations": ["blackwell"],
        "found_gpus": 4,
        "coherent": True,
        "nvswitches": [],
    },
    "vgpu_guest": {"generations": ["turing"], "vgpu_guest": True},
    "vfio": {"generations": ["ada"], "found_gpus": 2, "passthrough": True},
    "half_removed": {"generations": ["ampere"], "found_gpus": 1},
    "upgrading": {"generations": ["hopper"]},
    "debian_archive": {"generations": ["volta"], "nouveau": {"loaded": False, "blacklisted": True}},
}

VERSIONS = {
    "none": ("", "", "", "", ""),
    "t4": ("580.95.05", "580.95.05", "580.95.05", "open", "open"),
    "t4_bare": ("", "", "", "", ""),
    "hgx_h100": ("580.95.05", "580.95.05", "580.95.05", "open", "open"),
    "hgx_b200": ("580.95.05", "580.95.05", "580.95.05", "open", "open"),
    "v100_a100": ("580.95.05", "580.95.05", "580.95.05", "proprietary", "proprietary"),
    "gb200": ("580.95.05", "580.95.05", "580.95.05", "open", "open"),
    "vgpu_guest": ("", "", "", "", ""),
    "vfio": ("", "", "", "", ""),
    "half_removed": ("", "", "535.261.03", "", ""),
    "upgrading": ("550.163.01", "580.95.05", "580.95.05", "open", "open"),
    "debian_archive": ("550.163.01", "550.163.01", "550.163.01", "proprietary", "proprietary"),
}
"""loaded, on disk, userland, flavour on disk, flavour loaded."""

SOURCES = sorted(Path(_types.__file__).parent.glob("*.py"))


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """Every tree with what is said of it."""
    found = {}
    for name, build in gpu_trees.TREES.items():
        folder = tmp_path_factory.mktemp(name)
        build(folder)
        found[name] = _host.look(str(folder))
    return found


def test_every_tree_is_looked_at():
    assert set(HOSTS) == set(VERSIONS) == set(gpu_trees.TREES)


@pytest.mark.parametrize("name", HOSTS)
def test_host(hosts, name):
    wanted = {**PLAIN, "generations": [], **HOSTS[name]}
    if name == "upgrading":
        wanted.pop("users")
    assert {key: hosts[name][key] for key in wanted} == wanted


@pytest.mark.parametrize("name", HOSTS)
def test_driver_versions(hosts, name):
    driver = hosts[name]["driver"]
    assert (
        tuple(driver[key] for key in ("loaded", "on_disk", "userland", "flavour", "loaded_flavour")) == VERSIONS[name]
    )


@pytest.mark.parametrize("name", HOSTS)
def test_keys_are_those_that_others_read(hosts, name):
    assert set(hosts[name]) == KEYS == set(_types.Host.__annotations__)
    assert json.loads(json.dumps(hosts[name])) == hosts[name]


def test_a_gpu_is_described(hosts):
    assert hosts["t4"]["gpus"] == [
        {
            "address": "0000:3b:00.0",
            "device": "1eb8",
            "subsystem_vendor": "10de",
            "subsystem_device": "12a2",
            "class": "0302",
            "generation": "turing",
            "model": "Tesla T4",
            "numa_node": 0,
            "iommu_group": 20,
            "driver": "nvidia",
            "virtual_function": False,
            "responding": True,
        }
    ]


def test_the_switches_of_hgx_are_no_gpus(hosts):
    assert hosts["hgx_h100"]["nvswitches"] == [
        {"address": f"0000:0{bus}:00.0", "device": "22a3", "driver": "nvidia-nvswitch"} for bus in "789a"
    ]
    assert [gpu["numa_node"] for gpu in hosts["hgx_h100"]["gpus"]] == [0] * 4 + [1] * 4


def test_a_passed_through_gpu_has_its_driver(hosts):
    assert {gpu["driver"] for gpu in hosts["vfio"]["gpus"]} == {"vfio-pci"}


def test_operating_systems(hosts):
    assert hosts["debian_archive"]["os"] == {
        "id": "debian",
        "like": [],
        "version": "13",
        "major": 13,
        "codename": "trixie",
        "name": "Debian GNU/Linux 13 (trixie)",
    }
    assert hosts["v100_a100"]["os"]["like"] == ["rhel", "centos", "fedora"]
    assert (hosts["v100_a100"]["os"]["version"], hosts["v100_a100"]["os"]["major"]) == ("9.6", 9)


def test_expected_gpus_is_handed_on(tmp_path):
    gpu_trees.t4(tmp_path)
    host = _host.look(str(tmp_path), expected_gpus=2)
    assert (host["expected_gpus"], host["found_gpus"]) == (2, 1)


def test_an_empty_folder_is_a_host_with_nothing(tmp_path):
    host = _host.look(str(tmp_path))
    assert (host["gpus"], host["kernel"]["installed"], host["os"]["id"], host["unread"]) == ([], [], "", [])


def test_this_machine_is_read_without_failing():
    assert set(_host.look("/")) == KEYS


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_targets_run_it_on_python_39(source):
    ast.parse(source.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_the_room_is_found():
    assert len(SOURCES) > 15
    assert Path(_gpu.__file__).parent == SOURCES[0].parent
