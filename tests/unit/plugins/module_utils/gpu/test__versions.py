# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DKMS by kernel, and the driver's versions wherever they are kept."""

from __future__ import annotations

import gpu_trees
import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _dkms, _host, _versions
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root

NEW = "6.12.107+deb13-amd64"
OLD = "6.12.74+deb13-amd64"
MODULES = f"/lib/modules/{NEW}"


@pytest.fixture
def tree(tmp_path):
    """A Tesla T4 under Debian 13."""
    tree = gpu_trees.host(tmp_path, "debian13")
    gpu_trees.gpu(tree, "0000:3b:00.0", "0x1eb8", "0x12a2")
    return tree


def states(tree, *kernels):
    entries = _dkms.read(Root(str(tree.root)), kernels or (NEW,), "x86_64")
    return [(entry["module"], entry["version"], entry["kernel"], entry["state"], entry["built"]) for entry in entries]


def driver(tree):
    return _host.look(str(tree.root))["driver"]


def on_disk(tree):
    found = driver(tree)
    return found["on_disk"], found["flavour"]


def test_installed(tree):
    gpu_trees.dkms(tree, "580.95.05")
    gpu_trees.modules_on_disk(tree, "580.95.05")
    assert _dkms.read(Root(str(tree.root)), [NEW], "x86_64") == [
        {
            "module": "nvidia",
            "version": "580.95.05",
            "kernel": NEW,
            "architecture": "x86_64",
            "state": "installed",
            "built": True,
            "path": f"{MODULES}/updates/dkms/nvidia.ko",
        }
    ]


@pytest.mark.parametrize("folder", ["updates", "extra", "weak-updates", "kernel/drivers/video"])
@pytest.mark.parametrize("compression", ["", ".xz", ".gz"])
def test_installed_modules_are_found_where_systems_put_them(tree, folder, compression):
    gpu_trees.dkms(tree, "580.95.05")
    gpu_trees.modules_on_disk(tree, "580.95.05", folder=folder, compression=compression)
    assert states(tree) == [("nvidia", "580.95.05", NEW, "installed", True)]


def test_installed_without_its_files(tree):
    gpu_trees.dkms(tree, "580.95.05")
    assert states(tree) == [("nvidia", "580.95.05", NEW, "installed", False)]


def test_installed_with_one_file_missing(tree):
    gpu_trees.dkms(tree, "580.95.05")
    gpu_trees.modules_on_disk(tree, "580.95.05")
    tree.unlink(f"{MODULES}/updates/dkms/nvidia-uvm.ko")
    assert states(tree) == [("nvidia", "580.95.05", NEW, "installed", False)]


def test_built_and_not_installed(tree):
    gpu_trees.dkms(tree, "580.95.05", state="built")
    assert states(tree) == [("nvidia", "580.95.05", NEW, "built", True)]


def test_installed_is_the_version_that_the_link_names(tree):
    gpu_trees.dkms(tree, "550.163.01")
    gpu_trees.dkms(tree, "580.95.05")
    gpu_trees.modules_on_disk(tree, "580.95.05")
    assert states(tree) == [
        ("nvidia", "550.163.01", NEW, "built", True),
        ("nvidia", "580.95.05", NEW, "installed", True),
    ]


def test_every_kernel_without_a_build_is_named(tree):
    gpu_trees.dkms(tree, "580.95.05")
    gpu_trees.modules_on_disk(tree, "580.95.05")
    assert states(tree, NEW, OLD) == [
        ("nvidia", "580.95.05", NEW, "installed", True),
        ("nvidia", "580.95.05", OLD, "added", False),
    ]


def test_an_older_version_that_was_never_built_is_named_once(tree):
    gpu_trees.dkms(tree, "550.163.01", state="added")
    gpu_trees.dkms(tree, "580.95.05")
    gpu_trees.modules_on_disk(tree, "580.95.05")
    assert states(tree) == [
        ("nvidia", "580.95.05", NEW, "installed", True),
        ("nvidia", "550.163.01", "", "added", False),
    ]


def test_added_for_the_kernels_that_are_there(tree):
    gpu_trees.dkms(tree, "580.95.05", state="added")
    gpu_trees.dkms(tree, "580.142", state="added")
    assert states(tree)[0] == ("nvidia", "580.142", NEW, "added", False)


def test_broken_with_and_without_a_build(tree):
    gpu_trees.dkms(tree, "580.95.05", state="broken")
    assert states(tree) == [("nvidia", "580.95.05", "", "broken", False)]
    gpu_trees.dkms(tree, "580.95.05")
    gpu_trees.modules_on_disk(tree, "580.95.05")
    tree.link("/var/lib/dkms/nvidia/580.95.05/source", "/usr/src/gone")
    assert states(tree) == [("nvidia", "580.95.05", NEW, "broken", True)]


def test_other_modules_are_nobodys_business(tree):
    gpu_trees.dkms(tree, "2.3.2", module="zfs")
    gpu_trees.dkms(tree, "2.5", module="gdrdrv", state="added")
    tree.write("/var/lib/dkms/dkms_dbversion", "3.0.0")
    assert states(tree) == [("gdrdrv", "2.5", NEW, "added", False)]


@pytest.mark.parametrize("flavour", ["open", "proprietary"])
@pytest.mark.parametrize("compression", ["", ".xz", ".gz"])
def test_version_on_disk(tree, compression, flavour):
    gpu_trees.modules_on_disk(tree, "580.95.05", flavour, compression=compression)
    assert on_disk(tree) == ("580.95.05", flavour)


def test_a_packed_module_of_dkms_is_known_without_unpacking(tree):
    gpu_trees.dkms(tree, "580.95.05", "proprietary")
    gpu_trees.modules_on_disk(tree, "1.2.3", compression=".xz")
    assert on_disk(tree) == ("580.95.05", "proprietary")


def test_a_packed_module_that_two_builds_claim_is_unpacked(tree):
    gpu_trees.dkms(tree, "550.163.01")
    gpu_trees.dkms(tree, "580.95.05", module="nvidia-srv")
    gpu_trees.modules_on_disk(tree, "580.95.05", "proprietary", compression=".xz")
    assert on_disk(tree) == ("580.95.05", "proprietary")


def test_zstd_of_dkms_is_known(tree):
    gpu_trees.dkms(tree, "580.95.05")
    for name in gpu_trees.DRIVER_MODULES:
        tree.write(f"{MODULES}/updates/dkms/{name}.ko.zst", b"\x28\xb5\x2f\xfd")
    host = _host.look(str(tree.root))
    assert (host["driver"]["on_disk"], host["driver"]["flavour"], host["unread"]) == ("580.95.05", "open", [])


def test_sources_without_a_licence_leave_the_flavour_open(tree):
    gpu_trees.dkms(tree, "580.95.05")
    gpu_trees.modules_on_disk(tree, "580.95.05", compression=".xz")
    tree.unlink("/usr/src/nvidia-580.95.05/nvidia/nv.c")
    assert on_disk(tree) == ("580.95.05", "")


def test_depmods_list_decides_between_two_modules(tree):
    gpu_trees.modules_on_disk(tree, "550.163.01", folder="updates/dkms")
    gpu_trees.modules_on_disk(tree, "580.95.05", folder="kernel/drivers/video")
    assert on_disk(tree)[0] == "580.95.05"


def test_a_module_that_depmod_does_not_know_is_on_disk(tree):
    gpu_trees.modules_on_disk(tree, "580.95.05")
    tree.unlink(f"{MODULES}/modules.dep")
    assert on_disk(tree)[0] == "580.95.05"


def test_a_listed_module_that_is_gone_is_not_on_disk(tree):
    gpu_trees.modules_on_disk(tree, "580.95.05")
    for name in gpu_trees.DRIVER_MODULES:
        tree.unlink(f"{MODULES}/updates/dkms/{name}.ko")
    assert on_disk(tree) == ("", "")


@pytest.mark.parametrize("folder", ["kernel/nvidia-580srv-open", "extra/nvidia", "extra/drivers/video/nvidia"])
def test_folders_of_finished_modules(tree, folder):
    gpu_trees.modules_on_disk(tree, "580.95.05", folder=folder)
    tree.unlink(f"{MODULES}/modules.dep")
    assert on_disk(tree)[0] == "580.95.05"


@pytest.mark.parametrize("name", ["nvidia-current-open", "nvidia-tesla-535", "nvidia-legacy-390xx"])
def test_debians_names_without_its_alternatives(tree, name):
    gpu_trees.modules_on_disk(tree, "535.274.02", "proprietary", prefix=name)
    tree.unlink(f"{MODULES}/modules.dep")
    assert on_disk(tree) == ("535.274.02", "proprietary")


def test_modprobes_word_decides_between_debians_modules(tree):
    gpu_trees.modules_on_disk(tree, "550.163.01", "proprietary", prefix="nvidia-current")
    gpu_trees.modules_on_disk(tree, "535.274.02", "proprietary", prefix="nvidia-tesla-535")
    gpu_trees.debian_alternatives(tree, "tesla-535", "nvidia-tesla-535")
    assert on_disk(tree)[0] == "535.274.02"
    gpu_trees.debian_alternatives(tree)
    gpu_trees.modules_on_disk(tree, "550.163.01", "proprietary", prefix="nvidia-current")
    assert on_disk(tree)[0] == "550.163.01"


def test_the_flavour_is_that_of_the_next_kernels_module_where_the_running_one_has_none(tree):
    gpu_trees.kernel(tree, "6.12.200+deb13-amd64")
    gpu_trees.modules_on_disk(tree, "580.95.05", "proprietary", release="6.12.200+deb13-amd64")
    assert on_disk(tree) == ("", "proprietary")


def test_the_next_kernels_module(tree):
    gpu_trees.modules_on_disk(tree, "580.95.05")
    gpu_trees.kernel(tree, "6.12.200+deb13-amd64")
    found = driver(tree)
    assert (found["on_disk"], found["on_disk_next"]) == ("580.95.05", "")
    gpu_trees.modules_on_disk(tree, "580.100", release="6.12.200+deb13-amd64")
    assert driver(tree)["on_disk_next"] == "580.100"


PROC = {
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.163.01  Tue Mar 11 2025": ("550.163.01", "proprietary"),
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (dvs)": ("580.95.05", "open"),
    "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  570.86.15  Release Build": ("570.86.15", "open"),
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.142  Release": ("580.142", "proprietary"),
    "nonsense": ("", ""),
    "": ("", ""),
}


@pytest.mark.parametrize(("text", "wanted"), PROC.items())
def test_loaded_version(tmp_path, text, wanted):
    tree = gpu_trees.Tree(tmp_path)
    tree.write("/proc/driver/nvidia/version", text + "\nGCC version:  gcc version 14.2.0")
    assert _versions.loaded(Root(str(tmp_path))) == wanted


@pytest.mark.parametrize(("taint", "flavour"), [("POE", "proprietary"), ("OE", "open")])
def test_loaded_version_by_sysfs(tmp_path, taint, flavour):
    tree = gpu_trees.Tree(tmp_path)
    tree.write("/sys/module/nvidia/version", "580.95.05")
    tree.write("/sys/module/nvidia/taint", taint)
    assert _versions.loaded(Root(str(tmp_path))) == ("580.95.05", flavour)


def test_userland_is_what_programs_load(tree):
    gpu_trees.userland(tree, "580.95.05")
    gpu_trees.userland(tree, "550.163.01")
    found = driver(tree)
    assert (found["userland"], found["userland_versions"]) == ("550.163.01", ["550.163.01", "580.95.05"])


def test_userland_without_links_is_the_newest(tree):
    folder = gpu_trees.library_folder(tree)
    for version in ("580.95.05", "580.142"):
        tree.write(f"{folder}/libcuda.so.{version}", "library")
    assert driver(tree)["userland"] == "580.142"


@pytest.mark.parametrize("folder", ["/usr/lib64", "/usr/lib", "/usr/lib/x86_64-linux-gnu/nvidia/tesla-535"])
def test_userland_folders(tree, folder):
    tree.write(f"{folder}/libnvidia-ml.so.535.274.02", "library")
    tree.link(f"{folder}/libnvidia-ml.so.1", "libnvidia-ml.so.535.274.02")
    assert driver(tree)["userland"] == "535.274.02"


def test_stubs_and_other_libraries_are_no_version(tree):
    for name in ("libcuda.so", "libcuda.so.1", "libcudart.so.12.4.99", "libnvidia-ml.so.1.bak"):
        tree.write(f"/usr/lib/x86_64-linux-gnu/{name}", "library")
    assert (driver(tree)["userland"], driver(tree)["userland_versions"]) == ("", [])


def test_firmware_and_driver_containers(tree):
    tree.write("/lib/firmware/nvidia/580.95.05/gsp_tu10x.bin", "firmware")
    tree.write("/lib/firmware/nvidia/tu102/gsp/gsp-535.bin", "nouveau's")
    assert (driver(tree)["firmware"], driver(tree)["containerised"]) == (["580.95.05"], False)
    tree.folder("/run/nvidia/driver/usr/lib")
    assert driver(tree)["containerised"] is True
