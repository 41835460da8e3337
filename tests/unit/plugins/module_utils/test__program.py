# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs end: by themselves, asked to, or killed with all their children."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _program

AT_ONCE = ((signal.SIGKILL, None),)
ASKED = """
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit(3))
print("ready", flush=True)
time.sleep(60)
"""
DEAF = ASKED.replace("lambda *_: sys.exit(3)", "signal.SIG_IGN")
PARENT = """
import subprocess, sys, time
subprocess.Popen(["sleep", "60"])
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def started():
    processes = []

    def start(code):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
        processes.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def end(process, ending):
    _program.end(process.pid, ending, lambda seconds: _program._ended(process, seconds))


def run(code, timeout=60.0, **environment):
    return _program.run([sys.executable, "-c", code], {**os.environ, **environment}, timeout, AT_ONCE)


def test_what_it_says_and_how_it_ends():
    done = run("import sys, os; print(os.getcwd()); sys.stderr.write(os.environ['X']); sys.exit(4)", X="y")
    assert done == _program.Ended(4, "/\n", "y", timed_out=False)


def test_it_has_no_input_and_its_own_session():
    done = run("import os, sys; print(sys.stdin.read() == '', os.getsid(0) == os.getpid())")
    assert done.out == "True True\n"


def test_what_it_writes_can_be_read_whatever_the_umask_is():
    previous = os.umask(0o077)
    try:
        assert run("import os; print(oct(os.umask(0)))").out == "0o22\n"
    finally:
        os.umask(previous)


def test_what_is_no_text_is_kept_readable():
    assert run("import sys; sys.stdout.buffer.write(bytes([255]))").out == "\ufffd"


def test_a_missing_program_is_an_error():
    with pytest.raises(FileNotFoundError):
        _program.run(["no-such-program"], os.environ, 1, AT_ONCE)


def test_one_that_takes_too_long_is_ended():
    done = run("import time; time.sleep(60)", 0.1)
    assert (done.code, done.timed_out) == (-signal.SIGKILL, True)


def test_it_is_asked_first_and_killed_where_it_does_not_listen(started):
    for code, status in ((ASKED, 3), (DEAF, -signal.SIGKILL)):
        process = started(code)
        end(process, ((signal.SIGINT, 20.0 if status == 3 else 0.1), *AT_ONCE))
        assert process.returncode == status


def test_its_children_end_with_it(started):
    process = started(PARENT)
    end(process, AT_ONCE)
    ready, _, _ = select.select([process.stdout], [], [], 30)
    assert ready, "its output ends when the last one is gone that writes to it"
    assert process.stdout.read() == b""


def test_one_that_cannot_be_ended_is_left_behind(started):
    """As one that the kernel holds, where no signal reaches it."""
    process = started(DEAF)
    end(process, ((signal.SIGINT, 0.1),))
    assert process.poll() is None


def test_a_daemon_that_it_leaves_keeps_nobody_waiting(tmp_path):
    command = f"sleep 60 & echo $! > {tmp_path}/pid; echo done"
    done = _program.run(["sh", "-c", command], os.environ, 20, AT_ONCE)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert (done.out, done.timed_out) == ("done\n", False)


CALLER = """
import os, sys
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _program
_program.run(["sh", "-c", sys.argv[1]], os.environ, 60, ((9, None),))
"""


def test_it_goes_on_to_its_end_when_we_are_killed(tmp_path):
    started, go, finished = (tmp_path / name for name in ("started", "go", "finished"))
    for fifo in (started, go, finished):
        os.mkfifo(fifo)
    command = f"echo x > {started}; cat {go}; echo said && echo said >&2 && echo ended > {finished}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", CALLER, command], env=environment) as caller:
        started.read_text()
        caller.kill()
    with go.open("w") as stream, open(os.open(finished, os.O_RDONLY | os.O_NONBLOCK), "rb") as end:
        stream.write("go\n")
        stream.close()
        assert select.select([end], [], [], 30)[0]
        assert end.read() == b"ended\n"


def test_the_folders_of_system_programs_are_searched_last():
    assert _program.search_path({"PATH": "/opt/bin"}).startswith("/opt/bin:/usr/local/sbin:")
    assert _program.search_path({}).endswith(":/sbin:/bin")
