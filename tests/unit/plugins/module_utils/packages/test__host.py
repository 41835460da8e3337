# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks, commands and children: waited for a bounded time, named, and without a password in what is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import (
    _fork,
    _locks,
    _run,
    _space,
    _versionlock,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Done, PackageError

HOLD = """
import fcntl, sys
handle = open(sys.argv[1], "w")
fcntl.lockf(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    path = tmp_path / "lock-frontend"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield str(path), process.pid
        process.stdin.close()


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_who_holds_a_lock_is_named(held):
    path, pid = held
    assert _locks.holder_of(path) == pid
    (line,) = _locks.busy([path, path + ".none"], [])
    assert line.startswith(f"{path} is held by process {pid} ({sys.executable[:40]}")
    assert "\n" not in line


def test_a_lock_that_nobody_holds_is_free(tmp_path):
    (tmp_path / "lock").write_text("")
    assert _locks.holder_of(str(tmp_path / "lock")) is None


def test_pid_files_count_only_while_their_process_lives(tmp_path):
    (tmp_path / "proc/77").mkdir(parents=True)
    for text, expected in (("77\n", 77), ("78", None), ("", None)):
        (tmp_path / "pid").write_text(text)
        assert _locks.pid_in(str(tmp_path / "pid"), str(tmp_path / "proc")) == expected


def test_waiting_ends_when_the_lock_is_free():
    clock, answers = Clock(), iter([["held"], ["held"], []])
    assert _locks.wait(lambda: next(answers), 300, clock, clock.sleep) == 2 * _locks.PAUSE


def test_waiting_has_an_end_and_names_the_holder():
    clock = Clock()
    with pytest.raises(PackageError, match=r"Waited 5 s for another package manager. x is held by process 7 \(apt\)"):
        _locks.wait(lambda: ["x is held by process 7 (apt)"], 5, clock, clock.sleep)
    assert clock.now == 5


def test_a_second_run_on_the_host_waits_and_is_told_who_runs(held):
    path, pid = held
    with pytest.raises(PackageError, match=f"Waited 0 s .* is held by process {pid}"), _locks.exclusive(path, 0):
        raise AssertionError
    with _locks.exclusive(path + ".other", 0):
        pass


def test_a_command_is_run_without_a_shell_and_in_plain_english():
    done = _run.run([sys.executable, "-c", "import os; print(os.environ['LC_ALL'], os.environ['DEBIAN_FRONTEND'])"])
    assert (done.rc, done.out) == (0, "C noninteractive\n")


def test_a_program_that_is_missing_is_an_answer():
    assert _run.run(["no-such-program"]).rc == 127


def test_passwords_in_addresses_are_masked():
    done = _run.run([sys.executable, "-c", "print('Err https://me:secret@mirror/x and http://mirror/y')"])
    assert done.out == "Err https://***@mirror/x and http://mirror/y\n"


def test_a_child_answers_with_data():
    answer = _fork.call(lambda number: {"more": number + len(str(os.write(1, b"noise\n")))}, 20, number=4)
    assert (answer["more"], answer["said"]) == (5, "noise\n")


def test_a_childs_error_is_an_answer_with_its_lines():
    def fail():
        error = ValueError("http://me:secret@host refused")
        error.lines = ["a", "http://me:secret@host"]
        raise error

    answer = _fork.call(fail, 20)
    assert (answer["error"], answer["lines"]) == ("http://***@host refused", ["a", "http://***@host"])


def test_a_child_that_dies_is_an_answer():
    assert _fork.call(lambda: __import__("os")._exit(3), 20)["error"] == "it ended without an answer"


def test_half_an_answer_is_none(monkeypatch):
    def half(_value, handle):
        handle.write('{"chan')
        handle.flush()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_fork.json, "dump", half)
    assert _fork.call(dict, 20)["error"] == "it ended without an answer"


def test_a_child_is_asked_before_it_is_killed(monkeypatch, tmp_path):
    def closes():
        signal.signal(signal.SIGTERM, lambda *_: (tmp_path / "closed").touch() or os._exit(0))
        (tmp_path / "ready").touch()
        time.sleep(60)

    real = _fork._ended

    def ended(pid, seconds):
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        return real(pid, seconds if seconds > 1 else 0)

    monkeypatch.setattr(_fork, "_ended", ended)
    assert "took longer" in _fork.call(closes, 0.1)["error"]
    assert (tmp_path / "closed").exists()


def test_a_child_that_takes_too_long_is_ended():
    answer = _fork.call(lambda: __import__("time").sleep(60), 0.2)
    assert answer["error"].startswith("it took longer than")


def test_too_little_room_is_said_with_every_folder(tmp_path):
    for name in ("usr", "var", "boot", "state"):
        (tmp_path / name).mkdir()
    room = {"usr": 10, "var": 900, "boot": 1000, "state": 1000}
    with pytest.raises(PackageError) as caught:
        _space.check(
            str(tmp_path),
            str(tmp_path / "state"),
            with_build=True,
            free=lambda path: room[path.rpartition("/")[2]] * _space.MIB,
        )
    assert f"{tmp_path}/usr has 10 MiB free, needed are about 1200" in caught.value.message
    assert "/state has 1000 MiB free, needed are about 1600" in caught.value.message
    assert "/var" not in caught.value.message


def test_what_is_mounted_read_only_is_said_before_anything_changes(tmp_path):
    for name in ("usr", "boot", "etc/apt/apt.conf.d"):
        (tmp_path / name).mkdir(parents=True)

    def look():
        _space.check_writable(str(tmp_path), str(tmp_path / "state"), lambda path: path.endswith("/boot"))

    with pytest.raises(PackageError, match=f"Mounted read-only, nothing was changed: {tmp_path}/boot. Remount with"):
        look()
    (tmp_path / "etc/apt/apt.conf.d/70ro").write_text('DPkg::Pre-Invoke { "mount -o remount,rw /boot"; };')
    look()


LIST = "kernel-0:5.14.0-503.el9.*\n# a comment\n!nvidia-excluded-3:580.1-1.*\n"


def test_our_locks_are_a_block_among_others():
    written = _versionlock.written(LIST, {"nvidia-driver-cuda": "3:580.95.05-1.el9", "dkms": "3.1-1.el9"})
    assert written.startswith(LIST)
    assert "\ndkms-0:3.1-1.el9.*\nnvidia-driver-cuda-3:580.95.05-1.el9.*\n" in written
    assert _versionlock.foreign(written) == ["kernel"]
    assert _versionlock.written(written, {"dkms": "3.2-1"}).count("dkms-") == 1
    assert _versionlock.written(written, {}) == LIST
    assert not _versionlock.missing(LIST, {})
    assert _versionlock.missing(LIST, {"dkms": "1-1"}) == ["/etc/dnf/plugins/versionlock.list"]


@pytest.mark.parametrize(
    ("out", "err", "expected"),
    [
        (
            "Reading\nE: no space\n  dpkg: error processing\n",
            "W: old\nError! build\n",
            "E: no space; dpkg: error processing; Error! build",
        ),
        (
            "dpkg: error processing archive a.deb (--unpack):\n no space\nmore",
            "",
            "dpkg: error processing archive a.deb (--unpack): no space",
        ),
        ("one\n\ntwo\nErrors were encountered\n", "", "two; Errors were encountered"),
        ("", " \n", "exit code 100"),
    ],
)
def test_a_failed_command_is_quoted_by_its_errors_else_by_its_last_lines(out, err, expected):
    assert Done(("apt-get",), 100, out, err).last_words(2 if "one" in out else 15) == expected
    assert "too long" in Done(("apt-get",), 100, out, err, timed_out=True).last_words()


@pytest.mark.parametrize(
    ("path", "text", "off"),
    [
        ("etc/dnf/dnf.conf", "[main]\nplugins = False\n", True),
        ("etc/dnf/dnf.conf", "[main]\nplugins=1\ngpgcheck=0\n", False),
        ("etc/dnf/plugins/versionlock.conf", "[main]\nenabled=0\n", True),
        ("etc/dnf/plugins/versionlock.conf", "[main]\nenabled = 1\nlocklist=/x\n", False),
        ("etc/dnf/plugins/versionlock.conf", "", False),
    ],
)
def test_a_list_of_locks_that_is_turned_off_is_said(path, text, off):
    assert [path in line for line in _versionlock.disabled({path: text})] == [True] * off
