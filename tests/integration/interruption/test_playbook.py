# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole ansible-playbook that is killed: what it started notices, stops writing and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from fault_proxy import Call
from integration.engine.conftest import Cluster
from integration.engine.test_action import SECRET, Play
from integration.interruption.conftest import Runs

NOTICED = 8.0
"""Seconds within which an orphan has to be gone; it looks once a second."""


def descendants(folder: Path) -> list[int]:
    """Processes that were started with this folder as their TMPDIR."""
    mark = f"TMPDIR={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            ours = entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0")
            if ours and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def until(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


@pytest.fixture
def play(request, server, runs: Runs, tmp_path) -> Play:
    name = f"play-{request.param[0]}-{request.param[1].name.lower()}"
    server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    made = Play(Cluster(server, name), tmp_path, request.param[0])
    made.keywords["environment"]["K8S_AUTH_KUBECONFIG"] = runs.kubeconfig
    made.signal = request.param[1]
    return made


@pytest.mark.parametrize(
    "play",
    [("local", signal.SIGKILL), ("elsewhere", signal.SIGKILL), ("local", signal.SIGTERM)],
    indirect=True,
    ids=lambda given: f"{given[0]}-{given[1].name}",
)
def test_nothing_that_a_killed_playbook_started_goes_on(play, runs):
    met, go_on = threading.Event(), threading.Event()

    def before(call: Call) -> bool:
        # The second write of the set: the Lease is held, some objects are there, others aren't.
        if call.write and "/part-1" in call.path and not met.is_set():
            met.set()
            go_on.wait(15)
        return True

    runs.proxy.forget()
    runs.proxy.before = before
    command, environment = play.command()
    started = subprocess.Popen(
        command,
        cwd=play.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert met.wait(60)
        # As by an out-of-memory kill, or a Ctrl-C: the main process alone.
        os.kill(started.pid, play.signal)
        time.sleep(2)
        go_on.set()
        assert until(lambda: not descendants(play.folder / "tmp"), NOTICED), "an orphan is still there"
        count = len(runs.proxy.calls)
        output = started.communicate(timeout=20)[0]
    finally:
        go_on.set()
        runs.proxy.before = lambda _call: True
        started.kill()
    assert started.returncode != 0
    assert "Traceback" not in output
    assert SECRET not in output
    assert len(runs.proxy.calls) == count
    assert not [call for call, _fault in runs.proxy.calls if call.write and "/rollout-inventory" in call.path][1:], (
        "the record was written again: the run went on to its end"
    )
    assert runs.leases(play.cluster.namespace) == [], "an orphan gives its Lease back"

    result, output = play.run()
    assert not result["failed"], output
    assert play.cluster.get("configmaps", "part-2") is not None
    assert len(play.cluster.inventory() or []) == 6
    left = [path for path in (play.folder / "tmp").rglob("*") if path.is_file()]
    assert [path for path in left if SECRET.encode() in path.read_bytes()] == []
