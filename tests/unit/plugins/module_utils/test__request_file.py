# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request on its way leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _holder, _request_file

needs_proc = pytest.mark.skipif(not _holder.machine(), reason="needs /proc to tell a dead process")


def of_a_dead_process() -> str:
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    return f"rollout-request-{_holder.machine()}-{done.stdout.strip()}-123.json"


@needs_proc
def test_what_killed_runs_left_goes_with_the_next(tmp_path):
    names = [_request_file.name(), of_a_dead_process(), "rollout-request-othermachine-1-2.json", "something-else.json"]
    for number, name in enumerate(names):
        (tmp_path / f"ansible-tmp-{number}").mkdir()
        (tmp_path / f"ansible-tmp-{number}" / name).write_text("{}")
    (tmp_path / "ansible-tmp-new").mkdir()
    path = tmp_path / "ansible-tmp-new" / _request_file.name()
    path.write_text('{"options": 1}')
    assert _request_file.read(str(path)) == {"options": 1}
    left = [each.name for each in tmp_path.glob("*/*")]
    assert sorted(left) == sorted([names[0], names[2], names[3]])


def test_an_old_request_of_another_machine_goes_too(tmp_path):
    path = tmp_path / "rollout-request-othermachine-1-2.json"
    path.write_text("{}")
    _request_file.sweep(str(tmp_path))
    assert path.exists()
    os.utime(path, (1, 1))
    _request_file.sweep(str(tmp_path))
    assert not path.exists()
    assert not _request_file.abandoned(str(path))
