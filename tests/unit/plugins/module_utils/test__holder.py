# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a run is, and whether one of this machine is gone."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _holder

needs_proc = pytest.mark.skipif(not _holder.machine(), reason="needs /proc to tell a dead process")


def test_two_runs_of_one_process_are_two_holders():
    one, two = _holder.Holder(), _holder.Holder()
    assert one.identity != two.identity
    assert f"process {os.getpid()} run " in one.identity


def test_a_user_without_a_name_is_a_number(monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert _holder.Holder().identity.startswith(f"user {os.getuid()}@")


@needs_proc
def test_a_living_process_isnt_dead():
    assert not _holder.is_dead(_holder.Holder().annotations)


@needs_proc
def test_a_process_that_ended_is_dead_and_so_is_one_whose_number_was_given_again():
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    here = {_holder.MACHINE: _holder.machine()}
    assert _holder.is_dead({**here, _holder.PROCESS: done.stdout.strip() + " 1"})
    assert _holder.is_dead({**here, _holder.PROCESS: "%d 1" % os.getpid()})


@needs_proc
def test_a_zombie_does_nothing_any_more():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert _holder.began(child) == ""
    os.waitpid(child, 0)


@pytest.mark.parametrize(
    "annotations",
    [
        {},
        {_holder.MACHINE: "another", _holder.PROCESS: "1 1"},
        {_holder.MACHINE: _holder.machine()},
        {_holder.MACHINE: _holder.machine(), _holder.PROCESS: "7"},
        {_holder.MACHINE: _holder.machine(), _holder.PROCESS: "what ever"},
    ],
)
def test_who_cant_be_judged_isnt_called_dead(annotations):
    assert not _holder.is_dead(annotations)


def test_without_proc_nobody_is_called_dead(monkeypatch):
    def absent(_path):
        raise FileNotFoundError

    monkeypatch.setattr(os, "readlink", absent)
    assert _holder.machine() == ""
    assert not _holder.is_dead({_holder.MACHINE: "", _holder.PROCESS: "1 1"})
