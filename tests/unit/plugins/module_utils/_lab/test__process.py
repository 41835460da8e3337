# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that outlive Ansible: recognised, started, stopped."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _process
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._process import ProcFs, Record

STAT = "{pid} (a name) with) {state} 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {started} 0 0\n"


@pytest.fixture
def proc(tmp_path):
    """A copy of /proc with one process, 42, that started at tick 1000 of boot b1."""
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("b1\n")
    add(tmp_path, 42, environ=f"PATH=/bin\0{_process.MARKER}=/state\0", cmdline="/bin/kubelet\0--flag\0")
    (tmp_path / "self").mkdir()
    return ProcFs(str(tmp_path))


def add(root, pid, *, state="S", started=1000, environ="", cmdline=""):
    folder = root / str(pid)
    (folder / "ns").mkdir(parents=True)
    (folder / "stat").write_text(STAT.format(pid=pid, state=state, started=started))
    (folder / "environ").write_text(environ)
    (folder / "cmdline").write_text(cmdline)
    (folder / "ns/net").symlink_to("net:[1]")


def record(**changes):
    fields = {"pid": 42, "started": 1000, "boot": "b1", "digest": "d"}
    return Record(**{**fields, **changes})


def test_recorded_process_is_alive(proc):
    assert _process.alive(record(), proc)


@pytest.mark.parametrize("changes", [{"pid": 43}, {"started": 1001}, {"boot": "b2"}])
def test_another_process_with_the_number_is_not_ours(proc, changes):
    assert not _process.alive(record(**changes), proc)


def test_no_record_is_not_alive(proc):
    assert not _process.alive(None, proc)


@pytest.mark.parametrize("state", ["Z", "X"])
def test_dead_process_is_not_alive(proc, tmp_path, state):
    add(tmp_path, 7, state=state)
    assert not _process.alive(record(pid=7), proc)


def test_record_survives_a_round_trip(tmp_path):
    path = str(tmp_path / "x.pid")
    _process.save(path, record())
    assert _process.load(path) == record()
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"42\n", b"{", b'{"pid": 1}', b'{"pid": null, "started": 1}', None])
def test_torn_or_foreign_record_is_none(content):
    assert Record.from_bytes(content) is None


def test_members_carry_the_marker(proc, tmp_path):
    add(tmp_path, 50, environ=f"{_process.MARKER}=/other\0")
    add(tmp_path, 51, environ=f"{_process.MARKER}=/state\0", state="Z")
    add(tmp_path, 52, environ=f"{_process.MARKER}=/state\0")
    assert _process.members("/state", proc) == [42, 52]


def test_what_proc_says(proc):
    assert proc.cmdline(42) == ["/bin/kubelet", "--flag"]
    assert proc.cmdline(999) == []
    assert proc.environ(42)["PATH"] == "/bin"
    assert proc.namespace(42, "net") == "net:[1]"
    assert proc.namespace(42, "mnt") == ""
    assert proc.stat(999) is None


def test_digest_changes_with_what_the_process_is_made_of(tmp_path):
    program, config = tmp_path / "program", tmp_path / "config"
    program.write_text("1")
    config.write_text("a")

    def now(argv=(), environment=None):
        return _process.digest([str(program), *argv], environment or {}, [str(config)])

    first = now()
    assert now() == first
    assert now(argv=["--flag"]) != first
    assert now(environment={"A": "1"}) != first
    config.write_text("b")
    changed = now()
    assert changed != first
    config.unlink()
    assert now() != changed
    config.write_text("a")
    program.write_text("another size")
    assert now() != first


def test_digest_of_a_missing_program_is_something(tmp_path):
    assert _process.digest([str(tmp_path / "none")], {}, [])


def test_started_process_is_detached_and_writes_its_log(tmp_path):
    log = tmp_path / "x.log"
    pid = _process.start([sys.executable, "-c", "import os; print(os.environ)"], {"ONLY": "this"}, str(log))
    os.waitpid(pid, 0)
    assert "ONLY" in log.read_text()
    assert "HOME" not in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_large_log_is_put_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(_process, "LOG_LIMIT", 10)
    log = tmp_path / "x.log"
    log.write_text("more than ten bytes")
    os.waitpid(_process.start([sys.executable, "-c", ""], {}, str(log)), 0)
    assert (tmp_path / "x.log.1").read_text() == "more than ten bytes"
    assert log.read_text() == ""


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Killer:
    """Notes signals; a process dies of those in ``deadly``."""

    def __init__(self, root, deadly):
        self.root, self.deadly, self.sent = root, deadly, []

    def __call__(self, pid, number):
        self.sent.append((pid, number))
        if number in self.deadly:
            (self.root / str(pid) / "stat").write_text(STAT.format(pid=pid, state="Z", started=1000))


def stop(proc, tmp_path, deadly, pids=(42,)):
    killer, clock = Killer(tmp_path, deadly), Clock()
    left = _process.stop(list(pids), proc, 10.0, kill=killer, clock=clock, sleep=clock.sleep)
    return left, killer.sent, clock.now


def test_polite_process_is_asked_once(proc, tmp_path):
    assert stop(proc, tmp_path, {signal.SIGTERM}) == ([], [(42, signal.SIGTERM)], 0.0)


def test_stubborn_process_is_killed_after_the_grace(proc, tmp_path):
    left, sent, seconds = stop(proc, tmp_path, {signal.SIGKILL})
    assert (left, sent) == ([], [(42, signal.SIGTERM), (42, signal.SIGKILL)])
    assert 10 <= seconds < 11


def test_immortal_process_is_reported(proc, tmp_path):
    assert stop(proc, tmp_path, set())[0] == [42]


def test_process_that_is_gone_is_not_signalled(proc, tmp_path):
    assert stop(proc, tmp_path, set(), pids=(999,)) == ([], [], 0.0)


def test_process_that_vanishes_between_look_and_signal(proc, tmp_path):
    def vanish(pid, number):
        for path in ("stat", "environ", "cmdline"):
            (tmp_path / str(pid) / path).unlink()
        raise ProcessLookupError

    assert _process.stop([42], proc, 1.0, kill=vanish, clock=lambda: 0.0, sleep=lambda _seconds: None) == []


def test_real_child_is_reaped(tmp_path):
    pid = _process.start([sys.executable, "-c", "import time; time.sleep(60)"], {}, str(tmp_path / "log"))
    assert _process.stop([pid], ProcFs(), 10.0) == []


def test_tail_of_a_log(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("\n".join(f"line {number}" for number in range(2000)))
    assert _process.tail(str(log), 2) == ["line 1998", "line 1999"]
    assert _process.tail(str(tmp_path / "none"), 2) == []


def test_unreadable_process_has_no_environment(monkeypatch, proc):
    def refuse(_path):
        raise PermissionError

    monkeypatch.setattr(_process, "read_or_none", refuse)
    assert proc.environ(42) == {}
