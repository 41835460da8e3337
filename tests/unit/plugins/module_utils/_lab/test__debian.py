# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed packages, what they depend on, and their files as image entries."""

from __future__ import annotations

import os

from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _debian

STATUS = """Package: python3
Status: install ok installed
Version: 3.11.2
Architecture: amd64
Depends: python3.11 (>= 3.11~), virtual | libpython3-stdlib:any (= 3.11.2)
Description: x
 Depends: not a field

Package: python3.11
Status: hold ok installed
Depends: media-types | mime-support, libc6
Pre-Depends: libssl3

Package: provider
Status: install ok installed
Provides: virtual (= 1)

Package: libc6
Status: install ok installed

Package: libssl3
Status: install ok installed

Package: media-types
Status: install ok installed
Depends: heavy

Package: heavy
Status: install ok installed

Package: removed
Status: deinstall ok config-files
"""


def test_status_knows_installed_packages():
    packages = _debian.parse_status(STATUS)
    assert "removed" not in packages
    assert packages["python3"]["Version"] == "3.11.2"
    assert "virtual" in packages["python3"]["Depends"]


def test_closure_follows_alternatives_provides_and_exclusions():
    packages = _debian.parse_status(STATUS)
    found = _debian.closure(["python3", "unknown"], packages, ["media-types"])
    assert found == ["libc6", "libssl3", "provider", "python3", "python3.11"]
    assert "heavy" in _debian.closure(["python3"], packages, [])


def test_list_file_with_and_without_architecture(tmp_path):
    (tmp_path / "a.list").touch()
    (tmp_path / "b:amd64.list").touch()
    fields = {"Architecture": "amd64"}
    assert _debian.list_file(str(tmp_path), "a", fields).endswith("a.list")
    assert _debian.list_file(str(tmp_path), "b", fields).endswith("b:amd64.list")
    assert _debian.list_file(str(tmp_path), "c", fields) is None


def test_entries_merge_usr_and_leave_out_what_no_program_needs(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/share/doc/x").mkdir(parents=True)
    (tmp_path / "lib/libc.so.6").write_text("c")
    (tmp_path / "usr/bin/python3.11").write_text("p")
    (tmp_path / "usr/bin/su").write_text("s")
    os.chmod(tmp_path / "usr/bin/su", 0o4755)
    (tmp_path / "usr/bin/python3").symlink_to("python3.11")
    (tmp_path / "usr/share/doc/x/copyright").write_text("d")
    paths = ["/.", "/lib", "/lib/libc.so.6", "/usr/bin", "/usr/bin/python3.11", "/usr/bin/python3", "/usr/bin/su"]
    paths += ["/usr/share/doc/x/copyright", "/usr/share/gone"]
    found = {entry.path: entry for entry in _debian.entries(paths, str(tmp_path))}
    assert found["usr/lib/libc.so.6"].source == str(tmp_path / "lib/libc.so.6")
    assert found["usr/bin/python3"].link == "python3.11"
    assert found["usr/bin/su"].mode == 0o755, "no set-user-id in an image"
    assert found["lib"].link == "usr/lib"
    assert "usr/share/doc/x/copyright" not in found
    assert "usr/share/gone" not in found


def test_merged_paths():
    assert _debian.merged("bin/sh") == "usr/bin/sh"
    assert _debian.merged("bin") == ""
    assert _debian.merged("etc/passwd") == "etc/passwd"
