# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ansible-playbook a task belongs to, from a copy of /proc."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import lease

REST = " ".join(["0"] * 20)


@pytest.fixture
def proc(tmp_path):
    def add(pid, parent, *words):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (some (odd) name) S {parent} {REST}\n")
        (tmp_path / str(pid) / "cmdline").write_text("".join(word + "\0" for word in words))

    add(10, 1, "python3", "/usr/bin/ansible-playbook", "site.yml")
    add(11, 10, "/bin/sh", "-c", "ansible-playbook")
    add(12, 11, "python3", "module.py")
    add(13, 10, "python3", "/usr/bin/ansible-playbook", "site.yml")
    add(14, 13, "/bin/sh", "-c", "ansible-playbook")
    add(15, 14, "ansible-playbook", "inner.yml")
    add(16, 15, "ansible-playbook", "inner.yml")
    add(17, 16, "python3", "module.py")
    add(20, 1, "/usr/bin/ansible-playbook")
    add(30, 40, "python3")
    return str(tmp_path)


@pytest.mark.parametrize(("pid", "found"), [(12, 10), (10, 10), (20, 20), (30, 0), (99, 0), (14, 10), (17, 15)])
def test_the_nearest_one_above_is_found_and_not_its_worker(proc, pid, found):
    assert lease.starter(pid, proc) == found
