# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernels of a host and the one its next boot takes."""

from __future__ import annotations

import gpu_trees
import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _boot, _kernel
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root

OLD, NEW = "6.12.74+deb13-amd64", "6.12.107+deb13-amd64"
EL_OLD, EL_NEW = "5.14.0-570.42.2.el9_6.x86_64", "5.14.0-570.58.1.el9_6.x86_64"


@pytest.fixture
def tree(tmp_path):
    """Debian with two kernels; the old one runs."""
    tree = gpu_trees.host(tmp_path, "debian13")
    gpu_trees.kernel(tree, OLD)
    tree.write("/proc/sys/kernel/osrelease", OLD)
    return tree


@pytest.fixture
def rocky(tmp_path):
    """EL with two kernels; the old one runs."""
    tree = gpu_trees.host(tmp_path, "rocky9")
    gpu_trees.kernel(tree, EL_NEW, headers=False)
    return tree


def kernel(tree):
    return _kernel.read(Root(str(tree.root)))


def next_release(tree):
    return kernel(tree)["next"]


def test_kernels_are_listed_newest_first(tree):
    assert kernel(tree) == {
        "running": OLD,
        "next": NEW,
        "installed": [
            {"release": NEW, "headers": True, "image": True},
            {"release": OLD, "headers": True, "image": True},
        ],
    }


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("6.8.0-9-generic", "6.8.0-84-generic"),
        ("6.8.0-84-generic", "6.11.0-1-generic"),
        ("6.12~rc3-amd64", "6.12-amd64"),
        ("6.12.74+deb13-amd64", "6.12.74+deb13+1-amd64"),
        (EL_OLD, EL_NEW),
        ("5.14.0-570.el9.x86_64", "5.14.0-570.12.1.el9_6.x86_64"),
    ],
)
def test_releases_are_compared_by_their_numbers(older, newer):
    assert _kernel.version(older) < _kernel.version(newer)
    assert sorted([newer, older], key=_kernel.version) == [older, newer]


def test_rescue_and_kept_images_are_no_kernels(tree):
    tree.write("/boot/vmlinuz-0-rescue-0a1b2c", "kernel")
    tree.write(f"/boot/vmlinuz-{OLD}.old", "kernel")
    tree.write("/boot/vmlinuz.old", "kernel")
    assert len(kernel(tree)["installed"]) == 2


def test_headers_that_are_only_a_dead_link_are_none(rocky):
    rocky.link(f"/lib/modules/{EL_NEW}/build", f"/usr/src/kernels/{EL_NEW}")
    assert {one["release"]: one["headers"] for one in kernel(rocky)["installed"]} == {EL_OLD: True, EL_NEW: False}


def test_headers_without_a_kernel_are_listed_as_such(tree):
    gpu_trees.kernel(tree, "6.13.1-amd64", image=False)
    newest = kernel(tree)["installed"][0]
    assert (newest, next_release(tree)) == ({"release": "6.13.1-amd64", "headers": True, "image": False}, NEW)


def test_a_folder_with_a_module_that_a_driver_left_is_no_kernel(tree):
    tree.write("/lib/modules/6.1.0-9-amd64/updates/dkms/nvidia.ko", "left")
    assert len(kernel(tree)["installed"]) == 2


def test_an_image_beside_its_modules_counts(tmp_path):
    tree = gpu_trees.Tree(tmp_path)
    tree.write("/lib/modules/6.14.5-300.fc42.x86_64/vmlinuz", "kernel")
    assert kernel(tree)["installed"] == [{"release": "6.14.5-300.fc42.x86_64", "headers": False, "image": True}]


def test_without_any_kernel_on_disk_the_running_one_is_next(tmp_path):
    tree = gpu_trees.Tree(tmp_path)
    tree.write("/proc/sys/kernel/osrelease", "6.18.4")
    assert kernel(tree) == {"running": "6.18.4", "next": "6.18.4", "installed": []}


@pytest.mark.parametrize(
    ("default", "wanted"),
    [
        ("0", NEW),
        ("1>0", NEW),
        ("1>2", OLD),
        ("1>3", OLD),
        ("1", NEW),
        (f"Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux {OLD}", OLD),
        (f"gnulinux-advanced-uuid>gnulinux-{OLD}-advanced-uuid", OLD),
        ("9", NEW),
        ("1>9", NEW),
        ("Windows", NEW),
        ("", NEW),
    ],
)
def test_grub_default(tree, default, wanted):
    gpu_trees.grub(tree, NEW, OLD, default=default)
    assert next_release(tree) == wanted


def test_grub_may_have_the_older_kernel_first(tree):
    gpu_trees.grub(tree, OLD, NEW)
    assert next_release(tree) == OLD


def test_grub_saved_default(tree):
    gpu_trees.grub(tree, NEW, OLD, default="${saved_entry}", saved=f"1>gnulinux-{OLD}-advanced-uuid")
    assert next_release(tree) == OLD


def test_grub_saved_default_without_one(tree):
    gpu_trees.grub(tree, NEW, OLD, default="${saved_entry}")
    assert next_release(tree) == NEW


def test_grub_saved_entry_does_not_count_where_the_default_is_fixed(tree):
    gpu_trees.grub(tree, NEW, OLD, default="0", saved="1>2")
    assert next_release(tree) == NEW


def test_grub_saved_entry_does_not_count_where_no_default_is_set(tree):
    tree.write(
        "/boot/grub/grub.cfg", "".join(f"menuentry '{one}' {{\nlinux /vmlinuz-{one}\n}}\n" for one in (NEW, OLD))
    )
    gpu_trees.environment(tree, "/boot/grub/grubenv", saved_entry="1")
    assert next_release(tree) == NEW


def test_grub_next_entry_goes_first_once(tree):
    gpu_trees.grub(tree, NEW, OLD, next_entry="1>2")
    assert next_release(tree) == OLD


def test_grub_entry_whose_kernel_is_gone_is_passed_over(tree):
    gpu_trees.grub(tree, "6.12.200+deb13-amd64", OLD)
    assert next_release(tree) == OLD


def test_other_systems_in_the_menu_have_no_release():
    menu = _boot.parse(
        "menuentry \"Windows\" --class windows $menuentry_id_option 'osprober-efi-1' {\n"
        "\tif [ x$feature = xy ]; then\n\t\tsearch {\n\t\t}\n\tfi\n\tchainloader /EFI/bootmgfw.efi\n}\n"
        "menuentry 'Linux' --id plain {\n\tlinuxefi /vmlinuz-6.1.0-9-amd64 ro\n}\n"
        "function f {\n}\n"
    )
    assert [(entry.title, entry.identity, entry.release) for entry in menu] == [
        ("Windows", "osprober-efi-1", ""),
        ("Linux", "plain", "6.1.0-9-amd64"),
    ]


def test_a_menu_cut_short_is_read_as_far_as_it_goes():
    assert _boot.parse("}\n}\nsubmenu 'More' {\nmenuentry 'One' {\nlinux /vmlinuz-6.1.0-9-amd64")[0].title == "More"


@pytest.mark.parametrize(("saved", "wanted"), [(EL_OLD, EL_OLD), (EL_NEW, EL_NEW), ("", EL_NEW)])
def test_entries_of_the_boot_loader_specification(rocky, saved, wanted):
    gpu_trees.boot_loader_entries(rocky, EL_OLD, EL_NEW, saved=saved)
    assert next_release(rocky) == wanted


def test_entries_are_used_where_grub_only_points_to_them(rocky):
    rocky.write(
        "/boot/grub2/grub.cfg",
        "set default=\"${saved_entry}\"\ninsmod blscfg\nblscfg\nmenuentry 'UEFI Firmware Settings' {\n}\n",
    )
    gpu_trees.boot_loader_entries(rocky, EL_OLD, EL_NEW, saved=EL_OLD)
    assert next_release(rocky) == EL_OLD


def test_systemd_boot_entries_name_their_version(tmp_path):
    tree = gpu_trees.host(tmp_path, "debian13")
    gpu_trees.kernel(tree, OLD)
    for release in (OLD, NEW):
        tree.write(f"/boot/efi/loader/entries/abc-{release}.conf", f"version {release}\nlinux /abc/{release}/linux")
    assert next_release(tree) == NEW
