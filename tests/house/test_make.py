# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner behind make: what it prints when something fails, and that two at once keep apart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from house_tree import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import environment
import plan
import steps
import summary


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Steps run in an empty folder with this very Python instead of an environment of their own."""
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    monkeypatch.setattr(steps, "venv", lambda _name: None if _name == "second-core" else tmp_path)
    monkeypatch.setattr(steps, "link_collection", lambda: None)
    monkeypatch.setenv("GPU_OBSERVABILITY_CACHE", str(tmp_path / "cache"))
    return tmp_path


def step(name, code, **more):
    return plan.Step(name, "about it", (sys.executable, "-c", code), **more)


def test_all_good_ends_in_a_plain_count(checkout, capsys):
    assert steps.run_goal("check", (step("a", "pass"), step("b", "print('3 passed in 0.1s')"))) == 0
    out = capsys.readouterr().out
    assert out.rstrip().endswith("2 passed, 0 failed")
    assert "b: about it  (3 passed)" in out


def test_a_failure_is_shown_named_and_repeatable(checkout, capsys):
    failing = step("types", "print('here is why'); raise SystemExit(3)")
    assert steps.run_goal("check", (failing, step("later", "pass"))) == 1
    out = capsys.readouterr().out
    assert "here is why" in out
    assert "make step NAME=types" in out
    assert "exit 3" in out
    assert out.rstrip().endswith("1 passed, 1 failed")


def test_a_step_whose_ground_failed_is_a_failure_and_not_run(checkout, capsys):
    marker = checkout / "ran"
    dependent = step("proof", f"open({str(marker)!r}, 'w')", needs=("lab-machine",))
    assert steps.run_goal("test", (step("lab-machine", "raise SystemExit(1)"), dependent)) == 1
    assert not marker.exists()
    assert "needs lab-machine, which failed" in capsys.readouterr().out


def test_a_step_may_find_that_this_machine_cannot_do_it_and_says_why(checkout, capsys):
    unable = step("hosts", "print('looked'); print('no archive'); raise SystemExit(77)")
    assert steps.run_goal("test", (unable, step("b", "pass"))) == 0
    out = capsys.readouterr().out
    assert "skipped  hosts: no archive" in out
    assert out.rstrip().endswith("1 passed, 0 failed, 1 skipped")


def test_cleaning_up_runs_after_a_failure(checkout):
    marker = checkout / "cleaned"
    cleaning = step("lab-down", f"open({str(marker)!r}, 'w')", needs=("x",), always=True)
    steps.run_goal("test", (step("x", "raise SystemExit(1)"), cleaning))
    assert marker.exists()


def test_a_step_beside_others_meets_them_and_cleaning_up_waits_for_it(checkout, capsys):
    met, done = checkout / "met", checkout / "done"
    waiting = f"""
import pathlib, time
end = time.monotonic() + 30
while not pathlib.Path({str(met)!r}).exists():
    if time.monotonic() > end:
        raise SystemExit(1)
    time.sleep(0.05)
pathlib.Path({str(done)!r}).touch()
"""
    goal = (
        step("waits", waiting, beside=True),
        step("meets", f"open({str(met)!r}, 'w')"),
        step("cleans", f"import pathlib; raise SystemExit(not pathlib.Path({str(done)!r}).exists())", always=True),
    )
    assert steps.run_goal("test", goal) == 0
    assert "3 passed, 0 failed" in capsys.readouterr().out


def test_a_failure_beside_others_counts(checkout, capsys):
    assert steps.run_goal("test", (step("a", "raise SystemExit(1)", beside=True), step("b", "pass"))) == 1
    assert "make step NAME=a" in capsys.readouterr().out


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_whoever_ends_the_run_ends_its_steps_in_their_own_way_and_none_begins(tmp_path, how):
    waiting = "import pathlib, sys, time\n"
    waiting += "name = pathlib.Path(sys.argv[1])\n"
    waiting += "try:\n    name.with_suffix('.begun').touch()\n    time.sleep(60)\n"
    waiting += "except KeyboardInterrupt:\n    name.with_suffix('.cleaned').touch()\n"
    goal = [[str(tmp_path / name), name in ("beside", "queued")] for name in ("beside", "queued", "runs", "never")]
    (tmp_path / "step.py").write_text(waiting)
    (tmp_path / "run.py").write_text(f"""
import json, pathlib, signal, sys
sys.path.insert(0, {str(ROOT / "tools")!r})
import plan, steps
where = pathlib.Path({str(tmp_path)!r})
steps.ROOT, steps.venv, steps.link_collection = where, lambda _name: where, lambda: None
made = [
    plan.Step(pathlib.Path(name).name, "", (sys.executable, str(where / "step.py"), name), beside=beside)
    for name, beside in json.loads({json.dumps(goal)!r})
]
steps.GOALS["test"] = tuple(made)
sys.exit(steps.ended_well(["test"]))
""")
    settings = {**os.environ, "GPU_OBSERVABILITY_CACHE": str(tmp_path / "cache")}
    run = subprocess.Popen(
        [sys.executable, str(tmp_path / "run.py")],
        env=settings,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while len(list(tmp_path.glob("*.begun"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    if how == signal.SIGINT:
        os.killpg(run.pid, how)  # as a terminal does
    else:
        run.send_signal(how)
    _, told = run.communicate(timeout=30)
    assert run.returncode == 128 + how
    assert "interrupted" in told
    assert {path.name for path in tmp_path.glob("*.begun")} == {"beside.begun", "runs.begun"}
    assert {path.name for path in tmp_path.glob("*.cleaned")} == {"beside.cleaned", "runs.cleaned"}


def test_a_skip_says_why(checkout, capsys):
    assert steps.run_goal("check", (step("a", "pass"), step("b", "pass", venv="second-core"))) == 0
    out = capsys.readouterr().out
    assert "no Python for requirements/second-core.txt" in out
    assert out.rstrip().endswith("1 passed, 0 failed, 1 skipped")


def test_two_runs_wait_for_each_other(tmp_path):
    code = "import sys; from environment import held\n"
    code += "with held('lab', 'the lab'): print('in', flush=True); sys.stdin.read()"
    settings = {**os.environ, "PYTHONPATH": str(ROOT / "tools"), "GPU_OBSERVABILITY_CACHE": str(tmp_path)}
    start = {"env": settings, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **start) as first:
        assert first.stdout.readline() == "in\n"
        with subprocess.Popen([sys.executable, "-c", code], **start) as second:
            assert second.stdout.readline() == f"waiting for the lab, in use by process {first.pid}\n"
            first.stdin.close()
            assert second.stdout.readline() == "in\n"
            second.stdin.close()


def test_the_cache_is_where_the_variables_say(monkeypatch, tmp_path):
    monkeypatch.delenv("GPU_OBSERVABILITY_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert environment.cache_dir() == tmp_path / "openhands-gpu-observability"
    monkeypatch.setenv("GPU_OBSERVABILITY_CACHE", str(tmp_path / "own"))
    assert environment.cache_dir() == tmp_path / "own"


def test_a_stub_that_does_not_run_is_no_python(tmp_path, monkeypatch):
    stub = tmp_path / "python3.99"
    stub.write_text("#!/bin/sh\nexit 127\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert environment.find_python("3.99") is None


def test_a_changed_pin_is_another_environment(tmp_path, monkeypatch):
    made = []
    monkeypatch.setenv("GPU_OBSERVABILITY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "_make_venv", lambda _python, target: (target / "bin").mkdir(parents=True))
    real = subprocess.run
    monkeypatch.setattr(
        environment.subprocess,
        "run",
        lambda command, **more: made.append(command) or real(["true"]) if "pip" in command else real(command, **more),
    )
    (tmp_path / "requirements").mkdir()
    pins = tmp_path / "requirements" / "run.txt"
    pins.write_text("a==1\n")
    first = environment.venv("run")
    assert environment.venv("run") == first
    assert len(made) == 1
    pins.write_text("a==2\n")
    assert environment.venv("run") != first


def test_every_step_that_uses_the_lab_takes_its_lock():
    for goal, found in plan.GOALS.items():
        for item in found:
            touches = any(
                word in " ".join(item.command) for word in ("inventories/lab", "molecule", "tests/integration")
            )
            assert item.lab or not touches or item.name == "lab-status", f"{goal}: {item.name}"


def test_closing_counts_reads_pytest_s_last_line(tmp_path):
    log = tmp_path / "log"
    log.write_text("....\n1 failed, 2 passed, 1 skipped in 3.21s\n")
    assert summary.closing_counts(log) == "(1 failed, 2 passed, 1 skipped)"
    log.write_text("nothing here\n")
    assert summary.closing_counts(log) == ""


def test_a_long_log_is_cut_and_says_so(tmp_path):
    log = tmp_path / "log"
    log.write_text("\n".join(str(number) for number in range(200)))
    assert summary.tail(log, 3).splitlines() == [f"... 197 lines before these are in {log}", "197", "198", "199"]


def test_help_names_every_goal():
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(plan.GOALS) <= {line.split()[1] for line in shown.splitlines()}
