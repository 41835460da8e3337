# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package file that was cut off at any byte is not taken for one."""

from __future__ import annotations

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _deb

MEMBERS = {"debian-binary": b"2.0\n", "control.tar": b"odd", "data.tar": b"data."}


def member(name, content):
    head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
    return head + content + b"\n" * (len(content) % 2)


WHOLE = b"!<arch>\n" + b"".join(member(*item) for item in MEMBERS.items())


def test_a_whole_one(tmp_path):
    path = tmp_path / "x.deb"
    path.write_bytes(WHOLE)
    assert _deb.whole(str(path))
    path.write_bytes(WHOLE[:-1])
    assert _deb.whole(str(path)), "the last member's padding holds nothing"


def test_one_that_was_cut_off(tmp_path):
    path = tmp_path / "x.deb"
    for length in range(len(WHOLE) - 1):
        path.write_bytes(WHOLE[:length])
        assert not _deb.whole(str(path)), length


def test_what_is_no_package(tmp_path):
    path = tmp_path / "x.deb"
    for content in (b"\0" * len(WHOLE), b"<html>", WHOLE[:8] + b"\0" * 200):
        path.write_bytes(content)
        assert not _deb.whole(str(path))
    assert not _deb.whole(str(tmp_path / "none.deb"))
