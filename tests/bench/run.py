# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same objects through rollout, kubernetes.core.k8s and kubectl apply, in turn and in one run (make bench).

Starts a kube-apiserver and etcd of its own: no lab is needed, only the binaries that a lab has left in the cache.
Writes reports/bench/result.json, and docs/benchmarks.md when all sets were run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import contenders  # noqa: E402 (the path comes first)
import machine  # noqa: E402
import objects  # noqa: E402
import page  # noqa: E402
import readiness  # noqa: E402
from contenders import ENGINE, KUBECTL, LOOP, MULTI, OURS, Place, Run  # noqa: E402
from integration.engine.apiserver import ApiServer, find_binaries  # noqa: E402

FIRST, AGAIN, DRIFTED = "first apply", "no change", "one drifted"
UNCHANGED_RUNS = 3
READINESS_TIMES = 9
DEFINITIONS = "upstream/prometheus-operator/prometheus-operator/*/example/prometheus-operator-crd"

Times = dict[str, dict[str, list[Run]]]
"""Phase to contender to runs."""


def cache() -> Path:
    """The folder that the lab keeps its binaries and upstream files in."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("GPU_OBSERVABILITY_CACHE") or os.path.join(base, "openhands-gpu-observability"))


def sets() -> list[objects.Set]:
    """All sets that can be had here."""
    found = [
        objects.Set("configmaps", "50 ConfigMaps", lambda: objects.config_maps(50), repeats=3),
        objects.Set("mixed", "ten applications", objects.mixed, repeats=2),
    ]
    folders = sorted(cache().glob(DEFINITIONS))
    if folders:
        about = "the Prometheus Operator's 10 definitions"
        made = objects.Set("crds", about, lambda: objects.definitions(folders[-1]), repeats=2, upstream=True)
        found.append(made)
    large = objects.Set("thousand", "1,000 ConfigMaps", lambda: objects.config_maps(1000), repeats=1, loop=False)
    return [*found, large]


def say(line: str) -> None:
    """A line for the person who waits."""
    print(line, flush=True)


def measure(server: ApiServer, wanted: objects.Set, folder: Path) -> Times:
    """Every contender in turn, so that a slow moment of the machine hits all of them."""
    times: Times = {phase: {} for phase in (FIRST, AGAIN, DRIFTED)}
    for turn in range(wanted.repeats):
        for contender in (OURS, KUBECTL, MULTI, LOOP):
            if contender == LOOP and (turn or not wanted.loop):
                continue
            at = contenders.place(server, folder, wanted, contender, turn)
            for phase, run in _phases(server, at, wanted, 1 if contender == LOOP else UNCHANGED_RUNS):
                times[phase].setdefault(contender, []).append(run)
                inside = f", {run.engine:.2f} s of them inside the task" if run.engine is not None else ""
                say(f"{wanted.name}: {phase}: {contender}: {run.seconds:.2f} s{inside}, {run.peak_mb:.0f} MB")
    return times


def _phases(server: ApiServer, at: Place, wanted: objects.Set, unchanged: int) -> Iterator[tuple[str, Run]]:
    yield FIRST, contenders.apply(at)
    for _time in range(unchanged):
        yield AGAIN, contenders.apply(at)
    contenders.drift(server, at, wanted)
    yield DRIFTED, contenders.apply(at)


def condensed(times: Times) -> dict[str, dict[str, Any]]:
    """Medians of the seconds and the largest peak, by phase and contender; inside the task is one of its own."""
    found: dict[str, dict[str, Any]] = {}
    for phase, by_contender in times.items():
        found[phase] = {}
        for contender, runs in by_contender.items():
            found[phase][contender] = {
                "seconds": statistics.median(run.seconds for run in runs),
                "runs": [round(run.seconds, 3) for run in runs],
                "peak_mb": max(run.peak_mb for run in runs),
            }
            inside = [run.engine for run in runs if run.engine is not None]
            if inside:
                found[phase][ENGINE] = {"seconds": statistics.median(inside), "runs": inside}
    return found


def estimate_loop(result: dict[str, Any], start: float) -> None:
    """Where the loop wasn't run: its seconds for an object in the set of 50, times the objects."""
    known = result.get("configmaps")
    for found in result.values():
        for phase, by_contender in found["phases"].items():
            if LOOP in by_contender or not known:
                continue
            each = (known["phases"][phase][LOOP]["seconds"] - start) / known["objects"]
            by_contender[LOOP] = {"seconds": start + each * found["objects"], "estimated": True}


def run_all(chosen: list[objects.Set], server: ApiServer, folder: Path) -> Iterator[dict[str, Any]]:
    """Measure everything; yields the result as data after each set, so that a run that is ended leaves what it has."""
    began = time.monotonic()
    result: dict[str, Any] = {"machine": machine.describe(server), "sets": {}}
    start = statistics.median(contenders.nothing(folder).seconds for _time in range(3))
    say(f"ansible-playbook that does nothing: {start:.2f} s")
    result["start"] = start
    result["readiness"] = readiness.delays(server, READINESS_TIMES)
    say("ready, and seen as ready: " + ", ".join(f"{delay:.2f}" for delay in result["readiness"]) + " s")
    for wanted in chosen:
        bodies = wanted.objects()
        say(f"---- {wanted.name}: {wanted.about}: {len(bodies)} objects")
        phases = condensed(measure(server, wanted, folder))
        size = len(json.dumps(bodies))
        result["sets"][wanted.name] = {
            "about": wanted.about,
            "objects": len(bodies),
            "kinds": len({body["kind"] for body in bodies}),
            "bytes": size,
            "phases": phases,
        }
        estimate_loop(result["sets"], start)
        result["load"] = list(os.getloadavg())
        result["took"] = time.monotonic() - began
        yield result


def main() -> int:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [wanted.name for wanted in sets()]
    parser.add_argument("sets", nargs="*", choices=[*names, []], help="only these, and no page is written")
    asked = parser.parse_args().sets
    found = find_binaries()
    if isinstance(found, str):
        say(f"bench: {found}: make lab builds it")
        return 1
    if "crds" not in names:
        say(f"bench: no {DEFINITIONS} in {cache()}: make lab brings it; the set of definitions is left out")
    # Ended from outside, it still ends the servers it started.
    signal.signal(signal.SIGTERM, lambda *_about: sys.exit("bench: ended"))
    reports = ROOT / "reports" / "bench"
    reports.mkdir(parents=True, exist_ok=True)
    chosen = [wanted for wanted in sets() if wanted.name in (asked or names)]
    result: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    server = ApiServer(folder, *found)
    try:
        server.start()
        for result in run_all(chosen, server, folder):
            (reports / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
            (reports / "benchmarks.md").write_text(page.write(result), encoding="utf-8")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if not asked and "crds" in names:
        (ROOT / "docs" / "benchmarks.md").write_text(page.write(result), encoding="utf-8")
        say("written: docs/benchmarks.md")
    say("written: reports/bench/result.json and benchmarks.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
