# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes, from a copy of /proc."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _proc

REST = " ".join(str(number) for number in range(5, 22))


def add(folder, pid, stat, cmdline=b""):
    (folder / str(pid)).mkdir()
    (folder / str(pid) / "stat").write_text(stat)
    (folder / str(pid) / "cmdline").write_bytes(cmdline)


@pytest.mark.parametrize("name", ["apt", "a) S 9 (b", "tmux: server", ""])
def test_a_name_never_moves_the_fields(tmp_path, name):
    add(tmp_path, 7, f"7 ({name}) S 3 {REST} 1234 0\n")
    found = _proc.process(7, str(tmp_path))
    assert (found.state, found.parent, found.began, found.alive) == ("S", 3, 1234, True)


@pytest.mark.parametrize("state", ["Z", "X"])
def test_a_zombie_is_not_alive(tmp_path, state):
    add(tmp_path, 7, f"7 (x) {state} 3 {REST} 1234 0\n")
    assert not _proc.process(7, str(tmp_path)).alive


@pytest.mark.parametrize("stat", ["", "7 (x) S 3 4"])
def test_no_process(tmp_path, stat):
    add(tmp_path, 7, stat)
    assert _proc.process(7, str(tmp_path)) is None
    assert _proc.process(8, str(tmp_path)) is None
    assert _proc.words(8, str(tmp_path)) == []


def test_words(tmp_path):
    add(tmp_path, 7, "", b"/bin/a b\0--flag\0\xff\0")
    assert _proc.words(7, str(tmp_path)) == ["/bin/a b", "--flag", "\ufffd"]
