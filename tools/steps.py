# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a make goal step by step: one line per step with its seconds, what failed, and how to run that part again.

python3 tools/steps.py GOAL            every step of the goal
python3 tools/steps.py step NAME       one step, its output shown as it comes
python3 tools/steps.py link            only the collection link
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from environment import ROOT, EnvironmentProblem, held, link_collection, variables, venv
from plan import GOALS, Step
from summary import closing_counts, tail

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
UNABLE = 77
"""Exit code of a command for which this machine lacks something; its last line says what. automake's convention."""
# Every program that was started: whoever ends this one, ends those too.
RUNNING: list[subprocess.Popen[str]] = []
# Signals by which somebody asked the run to end: once steps run, they are heeded where none is being started.
ASKED: list[int] = []
STEPS_RUN = threading.Event()


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    step: Step
    result: str
    seconds: float
    note: str = ""


def _reason_to_skip(step: Step, earlier: Iterable[Outcome]) -> str:
    """Why a step can't say anything here; empty when it can."""
    missing = step.paths and not any((ROOT / path).exists() for path in step.paths)
    if missing:
        return f"there is no {' or '.join(step.paths)}"
    bad = {outcome.step.name for outcome in earlier if outcome.result == FAILED}
    blocked = sorted(bad.intersection(step.needs))
    return f"needs {', '.join(blocked)}, which failed" if blocked and not step.always else ""


def _start(step: Step, reports: Path, home: Path) -> subprocess.Popen[str]:
    words = {"reports": str(reports), "root": str(ROOT)}
    command = [part.format(**words) if part.startswith("--junitxml") else part for part in step.command]
    environment = {**variables(home), "COVERAGE_FILE": str(reports / "coverage"), **step.env}
    environment |= (
        {"ANSIBLE_FORCE_COLOR": "1"} if step.live and sys.stdout.isatty() else {"NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"}
    )
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _execute(step: Step, reports: Path, home: Path) -> tuple[int, Path]:
    """Run the command, keep its output in a log, show it as it comes when the step is live."""
    log = reports / f"{step.name}.log"
    process = _start(step, reports, home)
    if process.stdout is None:
        raise EnvironmentProblem(f"no output from {step.name}")
    RUNNING.append(process)
    if ASKED:  # while it was started
        process.send_signal(signal.SIGINT)
    with log.open("w", encoding="utf-8") as kept:
        for line in process.stdout:
            kept.write(line)
            kept.flush()
            if step.live:
                print(line, end="", flush=True)
    code = process.wait()
    _go_on()
    return code, log


class Interrupted(KeyboardInterrupt):
    """Somebody asked the run to end, with this signal."""


def _interrupted(number: int, _frame: object) -> None:
    """Have what runs end in its own way, which takes a while; whoever started it goes on from there."""
    ASKED.append(number)
    for process in RUNNING:
        # A terminal's Ctrl-C has reached it already: a second one would cut its cleaning up short.
        if len(ASKED) == 1 and number != signal.SIGINT and process.poll() is None:
            process.send_signal(signal.SIGINT)
    if not STEPS_RUN.is_set():
        raise Interrupted(number)


def _go_on() -> None:
    if ASKED:
        raise Interrupted(ASKED[0])


def run_step(step: Step, reports: Path, earlier: list[Outcome]) -> Outcome:
    """Run one step and say how it ended."""
    _go_on()
    started = time.monotonic()
    reason = _reason_to_skip(step, earlier)
    if reason:
        failed = "which failed" in reason
        return Outcome(step, FAILED if failed else SKIPPED, 0.0, reason)
    home = venv(step.venv)
    if home is None:
        return Outcome(step, SKIPPED, 0.0, f"no Python for requirements/{step.venv}.txt on this machine")
    if step.live:
        print(f"---- {step.name}: {' '.join(step.command)}", flush=True)
    code, log = _execute(step, reports, home)
    seconds = time.monotonic() - started
    if code == 0:
        return Outcome(step, PASSED, seconds, closing_counts(log))
    if code == UNABLE:
        return Outcome(step, SKIPPED, seconds, tail(log, 1).rpartition("\n")[2])
    if not step.live:
        print(tail(log), flush=True)
    return Outcome(step, FAILED, seconds, f"exit {code}, whole output in {log.relative_to(ROOT)}")


def _line(outcome: Outcome) -> str:
    note = f"  {outcome.note}" if outcome.note else ""
    return f"{outcome.result:<8}{outcome.seconds:7.1f} s  {outcome.step.name}: {outcome.step.about}{note}"


def _locks(goal: str, steps: Iterable[Step]) -> list[tuple[str, str]]:
    checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    locks = [(f"{goal}-{checkout}", f"make {goal} in this checkout")]
    if any(step.lab for step in steps):
        locks.append(("lab", "this machine's lab"))
    return locks


def _run_all(steps: tuple[Step, ...], reports: Path, outcomes: list[Outcome]) -> None:
    """Run the steps in order, those that may run beside others in one lane of their own."""
    beside: list[Future[Outcome]] = []
    STEPS_RUN.set()

    def keep(outcome: Outcome) -> None:
        outcomes.append(outcome)
        print(_line(outcome), flush=True)

    def join() -> None:
        while beside:
            keep(beside.pop(0).result())

    with ThreadPoolExecutor(max_workers=1) as lane:
        for step in steps:
            if step.beside:
                print(f"---- {step.name}: goes on beside what follows", flush=True)
                beside.append(lane.submit(run_step, step, reports, list(outcomes)))
                continue
            if step.always:
                join()
            keep(run_step(step, reports, outcomes))
        join()


def run_goal(goal: str, steps: tuple[Step, ...]) -> int:
    """Run every step, then say what failed and how to run it again. The exit code is 1 when anything failed."""
    reports = ROOT / "reports" / goal
    reports.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    started = time.monotonic()
    with ExitStack() as stack:
        for name, thing in _locks(goal, steps):
            stack.enter_context(held(name, thing))
        link_collection()
        _run_all(steps, reports, outcomes)
    return _close(goal, outcomes, time.monotonic() - started)


def _close(goal: str, outcomes: list[Outcome], seconds: float) -> int:
    by_result = {
        result: [outcome for outcome in outcomes if outcome.result == result] for result in (PASSED, FAILED, SKIPPED)
    }
    if len(outcomes) > 1:
        print(f"\nmake {goal}: {len(outcomes)} steps in {seconds:.0f} s")
    for outcome in by_result[SKIPPED]:
        print(f"  skipped  {outcome.step.name}: {outcome.note}")
    for outcome in by_result[FAILED]:
        print(f"  FAILED   {outcome.step.name}: {outcome.note}\n           again: make step NAME={outcome.step.name}")
    if len(outcomes) > 1:
        print(", ".join(f"{len(found)} {result}" for result, found in by_result.items() if found or result != SKIPPED))
    return 1 if by_result[FAILED] else 0


def _one(name: str) -> tuple[Step, ...]:
    """The step of this name, from the goal that is most complete, shown live."""
    for goal in ("test", *GOALS):
        for step in GOALS[goal]:
            if step.name == name:
                return (replace(step, live=True, needs=()),)
    known = sorted({step.name for steps in GOALS.values() for step in steps})
    raise EnvironmentProblem(f"there is no step {name!r}: choose one of {', '.join(known)}")


def main(arguments: list[str]) -> int:
    """Choose the goal and run it."""
    try:
        if arguments == ["link"]:
            link_collection()
            return 0
        if len(arguments) == 2 and arguments[0] == "step":
            return run_goal("step", _one(arguments[1]))
        if len(arguments) == 1 and arguments[0] in GOALS:
            return run_goal(arguments[0], GOALS[arguments[0]])
        print(__doc__)
    except EnvironmentProblem as problem:
        print(f"make: {problem}", file=sys.stderr)
        return 1
    except Interrupted as interrupted:
        print("\ninterrupted: run the same make again, it goes on where it can", file=sys.stderr)
        return 128 + int(interrupted.args[0])
    return 2


def ended_well(arguments: list[str]) -> int:
    """The same, for a process of its own, which others may ask to end."""
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, _interrupted)
    return main(arguments)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(ended_well(sys.argv[1:]))
