# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is wrong with one file of a host, the rest is still told."""

from __future__ import annotations

import errno
import json
import os
import shutil

import gpu_trees
import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host

DAMAGES = {
    "garbage": lambda path: path.write_bytes(b"\xff\x00\xfe{[=\n>'\"" * 40),
    "empty": lambda path: path.write_bytes(b""),
    "huge number": lambda path: path.write_bytes(b"9" * 5000),
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a dead link": lambda path: path.symlink_to("/nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to the root": lambda path: path.symlink_to("/"),
}


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A host that has something everywhere."""
    tree = gpu_trees.upgrading(tmp_path_factory.mktemp("host"))
    gpu_trees.mig(tree, 0, 1)
    gpu_trees.secure_boot(tree, 1)
    gpu_trees.debian_alternatives(tree)
    gpu_trees.grub(tree, tree.kernel, saved="0")
    gpu_trees.boot_loader_entries(tree, tree.kernel)
    gpu_trees.infiniband(tree, "mlx5_0", "0000:05:00.0", marker="SW_MNG")
    tree.write("/sys/kernel/security/lockdown", "[none] integrity")
    return tree


def places(tree):
    """Every file, link and folder below the root but the outermost."""
    found = [path for path in sorted(tree.root.rglob("*")) if len(path.relative_to(tree.root).parts) > 1]
    return [path for path in found if path.is_symlink() or path.is_file() or path.parent.name != "proc"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_nothing_that_is_wrong_with_one_place_stops_the_look(host, tmp_path, damage):
    kept = tmp_path / "kept"
    for path in places(host):
        os.rename(path, kept)
        try:
            DAMAGES[damage](path)
            found = _host.look(str(host.root))
            assert json.loads(json.dumps(found)) == found, path
            assert {line["path"][0] for line in found["unread"]} <= {"/"}, path
        finally:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            os.rename(kept, path)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ESTALE])
@pytest.mark.parametrize("call", ["open", "listdir", "readlink", "stat", "fstat", "read"])
def test_a_system_call_that_always_fails_does_not_stop_the_look(host, monkeypatch, call, code):
    real = getattr(os, call)
    top = str(host.root)

    def fail(where, *arguments, **options):
        if isinstance(where, int) or str(where).startswith(top):
            raise OSError(code, os.strerror(code))
        return real(where, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        found = _host.look(top)
    assert json.loads(json.dumps(found)) == found
    assert found["unread"] or call == "readlink"


def test_every_kind_of_place_is_tried(host):
    tried = {str(path.relative_to(host.root)) for path in places(host)}
    assert len(tried) > 150
    assert {"proc/sys/kernel/osrelease", "sys/bus/pci/devices/0000:3b:00.0", "boot/grub/grub.cfg"} <= tried


def test_the_host_is_whole_again(host):
    found = _host.look(str(host.root))
    assert (found["unread"], found["found_gpus"], len(found["users"])) == ([], 1, 6)
