# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running kernel: modules, nouveau, Secure Boot, MIG and who holds a device."""

from __future__ import annotations

import errno
import os

import gpu_trees
import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import (
    _handles,
    _host,
    _modprobe,
    _modules,
    _os,
    _secure_boot,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root

ADDRESS = "0000:3b:00.0"
EFIVARS = "/sys/firmware/efi/efivars"


@pytest.fixture
def tree(tmp_path):
    """An A100 with its driver."""
    tree = gpu_trees.host(tmp_path, "ubuntu24.04")
    gpu_trees.gpu(tree, ADDRESS, "0x20f1", "0x145f")
    gpu_trees.driver(tree, "580.95.05")
    return tree


def look(tree):
    return _host.look(str(tree.root))


def test_modules(tree):
    gpu_trees.module_in_kernel(tree, "gdrdrv", 0)
    gpu_trees.module_in_kernel(tree, "ext4", 3)
    tree.folder("/sys/module/nvidiafb")
    tree.write("/sys/module/nvidia_peermem/initstate", "live")
    assert look(tree)["modules"] == {
        "gdrdrv": {"refcount": 0, "holders": []},
        "nvidia": {"refcount": 2, "holders": ["nvidia_modeset", "nvidia_uvm"]},
        "nvidia_drm": {"refcount": 0, "holders": []},
        "nvidia_modeset": {"refcount": 1, "holders": ["nvidia_drm"]},
        "nvidia_peermem": {"refcount": -1, "holders": []},
        "nvidia_uvm": {"refcount": 0, "holders": []},
    }


@pytest.mark.parametrize(
    ("modules", "busy"),
    [
        ({}, False),
        ({"nvidia": {"refcount": 2, "holders": ["nvidia_uvm", "nvidia_modeset"]}}, False),
        ({"nvidia": {"refcount": 3, "holders": ["nvidia_uvm", "nvidia_modeset"]}}, True),
        ({"nvidia": {"refcount": -1, "holders": []}}, True),
        ({"nvidia_uvm": {"refcount": 1, "holders": []}}, True),
        ({"gdrdrv": {"refcount": 1, "holders": []}}, True),
        ({"nouveau": {"refcount": 5, "holders": []}}, False),
    ],
)
def test_in_use(modules, busy):
    assert _modules.in_use(modules) is busy


MODPROBE = {
    "blacklist nouveau": True,
    "blacklist\tnouveau # why": True,
    "install nouveau /bin/false": True,
    "install nouveau /usr/bin/true": True,
    "blacklist nova-core\nblacklist nouveau": True,
    "blacklist \\\n nouveau": True,
    "options nouveau modeset=0": False,
    "# blacklist nouveau": False,
    "install nouveau /sbin/modprobe --ignore-install nouveau": False,
    "blacklist": False,
    "": False,
}


@pytest.mark.parametrize(("text", "forbidden"), MODPROBE.items())
@pytest.mark.parametrize("folder", _modprobe.FOLDERS)
def test_nouveau_in_modprobes_configuration(tree, folder, text, forbidden):
    tree.write(f"{folder}/nouveau.conf", text)
    assert look(tree)["nouveau"] == {"loaded": False, "blacklisted": forbidden}


@pytest.mark.parametrize(
    ("words", "forbidden"),
    [
        ("modprobe.blacklist=nouveau", True),
        ("modprobe.blacklist=floppy,nouveau quiet", True),
        ("module_blacklist=nouveau", True),
        ("rd.driver.blacklist=nouveau", False),
        ("nouveau.modeset=0", False),
    ],
)
def test_nouveau_on_the_kernels_command_line(tree, words, forbidden):
    tree.write("/proc/cmdline", f"BOOT_IMAGE=/vmlinuz ro {words}")
    assert look(tree)["nouveau"]["blacklisted"] is forbidden


def test_a_file_of_etc_hides_the_same_name_elsewhere(tree):
    tree.write("/usr/lib/modprobe.d/nvidia.conf", "blacklist nouveau")
    tree.write("/etc/modprobe.d/nvidia.conf", "# nothing")
    assert look(tree)["nouveau"]["blacklisted"] is False
    tree.link("/etc/modprobe.d/nvidia.conf", "/dev/null")
    assert look(tree)["nouveau"]["blacklisted"] is False


def test_only_conf_files_count(tree):
    tree.write("/etc/modprobe.d/nouveau.conf.dpkg-old", "blacklist nouveau")
    assert look(tree)["nouveau"]["blacklisted"] is False


def test_a_vgpu_manager_makes_a_vgpu_host(tree):
    tree.write("/usr/bin/nvidia-vgpu-mgr", "program")
    assert look(tree)["vgpu_host"] is True
    tree.unlink("/usr/bin/nvidia-vgpu-mgr")
    assert look(tree)["vgpu_host"] is False
    gpu_trees.module_in_kernel(tree, "nvidia_vgpu_vfio", 0)
    assert look(tree)["vgpu_host"] is True


def test_nouveau_is_loaded(tree):
    gpu_trees.module_in_kernel(tree, "nouveau", 1)
    assert look(tree)["nouveau"]["loaded"] is True


@pytest.mark.parametrize(("value", "state"), [(1, "enabled"), (0, "disabled")])
def test_secure_boot(tree, value, state):
    gpu_trees.secure_boot(tree, value)
    assert look(tree)["secure_boot"] == state


def test_secure_boot_that_shim_does_not_enforce_is_off(tree):
    gpu_trees.secure_boot(tree, 1, shim_validates=False)
    assert look(tree)["secure_boot"] == "disabled"


def test_secure_boot_in_setup_mode_is_off(tree):
    gpu_trees.secure_boot(tree, 1)
    tree.write(f"{EFIVARS}/SetupMode-{gpu_trees.EFI_GLOBAL}", b"\x06\0\0\0\x01")
    assert look(tree)["secure_boot"] == "disabled"


def test_secure_boot_without_uefi(tree):
    assert look(tree)["secure_boot"] == "unsupported"


@pytest.mark.parametrize("content", [b"", b"\x06\0\0\0"])
def test_secure_boot_variable_cut_short(tree, content):
    tree.write(f"{EFIVARS}/SecureBoot-{gpu_trees.EFI_GLOBAL}", content)
    assert look(tree)["secure_boot"] == "unsupported"


@pytest.mark.parametrize(
    ("mode", "state"), [("none [integrity] confidentiality", "enabled"), ("[none] integrity", "unsupported")]
)
def test_secure_boot_variable_that_cannot_be_read(tree, monkeypatch, mode, state):
    gpu_trees.secure_boot(tree, 1)
    tree.write("/sys/kernel/security/lockdown", mode)
    real = os.open

    def refuse(path, *arguments):
        if "SecureBoot" in str(path):
            raise OSError(errno.EIO, "Input/output error")
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    root = Root(str(tree.root))
    assert (_secure_boot.state(root), len(root.unread)) == (state, 1)


@pytest.mark.parametrize(
    ("path", "text", "enforced"),
    [
        ("/sys/module/module/parameters/sig_enforce", "Y", True),
        ("/sys/module/module/parameters/sig_enforce", "N", False),
        ("/sys/kernel/security/lockdown", "none [integrity] confidentiality", True),
        ("/sys/kernel/security/lockdown", "[none] integrity confidentiality", False),
    ],
)
def test_signatures(tree, path, text, enforced):
    tree.write(path, text)
    assert look(tree)["signatures_enforced"] is enforced


def test_mig(tree):
    assert look(tree)["mig"] == [{"gpu": ADDRESS, "enabled": None, "instances": 0}]
    gpu_trees.mig(tree, 0, 3)
    tree.folder("/proc/driver/nvidia/capabilities/gpu0/mig/other")
    assert look(tree)["mig"] == [{"gpu": ADDRESS, "enabled": True, "instances": 3}]


def test_mig_belongs_to_the_gpu_with_that_minor_number(tree):
    gpu_trees.gpu(tree, "0000:65:00.0", "0x20f1", "0x145f")
    gpu_trees.loaded(tree, "580.95.05")
    gpu_trees.mig(tree, 1, 2)
    assert [one["enabled"] for one in look(tree)["mig"]] == [None, True]


def test_users(tree):
    gpu_trees.users(tree)
    users = look(tree)["users"]
    assert [(user["pid"], user["command"], user["device"]) for user in users] == [
        (901, "nvidia-persistenced", "/dev/nvidia0"),
        (901, "nvidia-persistenced", "/dev/nvidiactl"),
        (902, "nv-hostengine", "/dev/nvidia0"),
        (902, "nv-hostengine", "/dev/nvidiactl"),
        (4242, "python3.12", "/dev/nvidia-uvm"),
        (4242, "python3.12", "/dev/nvidia0"),
    ]
    assert (users[0]["unit"], users[0]["pod"]) == ("nvidia-persistenced.service", "")
    assert (users[-1]["unit"], users[-1]["pod"]) == ("cri-containerd-abc.scope", "0f3e1c2d-1111-2222-3333-444455556666")


def test_a_device_held_twice_is_one_entry(tree):
    gpu_trees.user(tree, 77, "python3", "/dev/nvidia0", "/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap12")
    assert [user["device"] for user in look(tree)["users"]] == ["/dev/nvidia-caps/nvidia-cap12", "/dev/nvidia0"]


def test_a_device_that_was_removed_is_still_held(tree):
    gpu_trees.user(tree, 77, "python3", "/dev/nvidia0 (deleted)")
    assert [user["device"] for user in look(tree)["users"]] == ["/dev/nvidia0"]


def test_only_nvidias_render_nodes_count(tree):
    tree.folder(f"/sys/devices/pci0000:00/{ADDRESS}/drm/renderD129")
    gpu_trees.user(tree, 77, "Xorg", "/dev/dri/renderD128", "/dev/dri/renderD129")
    assert [user["device"] for user in look(tree)["users"]] == ["/dev/dri/renderD129"]


def test_processes_are_looked_through_only_where_counts_ask_for_it(tree):
    gpu_trees.process(tree, 77, "python3", "/dev/nvidia0")
    assert look(tree)["users"] == []


def test_a_process_that_ends_meanwhile_is_no_trouble(tree, monkeypatch):
    gpu_trees.users(tree)
    real = os.open

    def vanish(path, *arguments):
        if str(path).endswith("/901/fd"):
            raise OSError(errno.ENOENT, "No such file or directory")
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", vanish)
    host = look(tree)
    assert ({user["pid"] for user in host["users"]}, host["unread"]) == ({902, 4242}, [])


def test_processes_of_others_are_told_as_one_line(tree, monkeypatch):
    gpu_trees.users(tree)
    real = os.open

    def refuse(path, *arguments):
        if str(path).endswith("/fd"):
            raise OSError(errno.EACCES, "Permission denied")
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    host = look(tree)
    assert host["users"] == []
    assert host["unread"] == [{"path": "/proc/*/fd", "reason": "6 processes can't be looked into: read as root"}]


def test_a_handle_closed_meanwhile_is_no_trouble(tree, monkeypatch):
    gpu_trees.user(tree, 77, "python3", "/dev/nvidia0")
    real = os.readlink

    def vanish(path, **options):
        if path == "0":
            raise OSError(errno.ENOENT, "No such file or directory")
        return real(path, **options)

    monkeypatch.setattr(os, "readlink", vanish)
    root = Root(str(tree.root))
    assert [user["pid"] for user in _handles.read(root, [])] == [77]


@pytest.mark.parametrize(
    ("group", "unit", "pod"),
    [
        ("0::/system.slice/docker-abc.scope", "docker-abc.scope", ""),
        ("12:pids:/user.slice\n0::/system.slice/ssh.service", "ssh.service", ""),
        (
            "0::/kubepods/besteffort/pod0f3e1c2d-1111-2222-3333-444455556666/abcdef",
            "",
            "0f3e1c2d-1111-2222-3333-444455556666",
        ),
        ("0::/", "", ""),
        ("", "", ""),
    ],
)
def test_where_a_process_runs(tree, group, unit, pod):
    gpu_trees.user(tree, 77, "python3", "/dev/nvidia0")
    tree.write("/proc/77/cgroup", group)
    user = look(tree)["users"][0]
    assert (user["unit"], user["pod"]) == (unit, pod)


def test_a_process_without_a_program_keeps_its_short_name(tree):
    gpu_trees.user(tree, 77, "nvidia-persistenced", "/dev/nvidia0")
    tree.unlink("/proc/77/exe")
    assert look(tree)["users"][0]["command"] == "nvidia-persiste"


OS_RELEASE = {
    'ID="rocky"\nVERSION_ID="9.6"': ("rocky", "9.6", 9),
    "ID=debian\n# comment=1\nnonsense\nVERSION_CODENAME=forky": ("debian", "", 0),
    "ID='Ubuntu'\nVERSION_ID=24.04": ("ubuntu", "24.04", 24),
    'ID=arch\nVERSION_ID="rolling': ("arch", "rolling", 0),
}


@pytest.mark.parametrize(("text", "wanted"), OS_RELEASE.items())
def test_os_release(tmp_path, text, wanted):
    gpu_trees.Tree(tmp_path).write("/etc/os-release", text)
    found = _os.read(Root(str(tmp_path)))
    assert (found["id"], found["version"], found["major"]) == wanted


def test_architecture_falls_back_to_this_machines(tmp_path):
    assert _os.architecture(Root(str(tmp_path))) == os.uname().machine
