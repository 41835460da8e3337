# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/benchmarks.md from what was measured: nothing in it is written by hand but the words."""

from __future__ import annotations

import statistics
from typing import Any

from contenders import ENGINE, KUBECTL, LOOP, MULTI, OURS

ROWS = {
    OURS: "`rollout`, the whole playbook",
    ENGINE: "`rollout`, inside the task",
    KUBECTL: "`kubectl apply --server-side`, the whole process",
    MULTI: "`kubernetes.core.k8s` with one multi-document file, the whole playbook",
    LOOP: "`kubernetes.core.k8s` in a loop, the whole playbook",
}
AGAIN = "no change"
READY_AIM, MEMORY_AIM, LOOP_AIM = 0.3, 120, 25


def write(result: dict[str, Any]) -> str:
    """The page."""
    parts = [INTRODUCTION, _machine(result), AIMS_HEAD, _aims(result)]
    for found in result["sets"].values():
        parts += [_title(found), _table(found)]
    parts += [_slower(result), LIMITS]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


INTRODUCTION = """
# Benchmarks

Written by `make bench`; change `tests/bench`, not this page. The same objects go through `rollout` and what people
use today, in one run and in turn, each contender with a namespace and field owner of its own on one kube-apiserver
with etcd that the run starts for itself. Every time is that of a whole process as a person waits for it (for an
Ansible contender: `ansible-playbook` from start to end), but for the rows *inside the task*, which are the `seconds`
of the task's result: discovery, reading, deciding, writing. Times are medians; peak memory is that of the biggest
process of the contender, by the kernel's count.
"""

AIMS_HEAD = "## Aims"

LIMITS = """
## How it was measured, and what was not

- *First apply* meets an empty namespace. *No change* follows it. *One drifted*: one value of one object was changed
  in the contender's own name, so that nobody has a conflict to report.
- Nobody waits for readiness (`wait: false`, the default of the others): no controller runs beside the API server.
- `rollout` reads the sets from a role's template, the definitions from a pinned upstream file in its cache; `kubectl`
  and the multi-document task read the same objects as one file; the loop has them from `lookup('file') |
  from_yaml_all`. kubernetes.core runs with `apply: true` and `server_side_apply`, with Ansible's defaults otherwise.
- `rollout` does more than the others before it writes: it dry-runs every object, reads its record, holds a Lease,
  asks for its rights. That is in its times, and is what a first apply pays for.
- Where it says *estimated*, the loop wasn't run: its seconds for an object in the set of 50, times the objects.
- *Seen as ready* is the time from the API server's answer to the write that makes a Deployment ready, to the engine's
  return. Pods without a readiness probe are watched for some seconds more before they are believed; that is meant,
  and not in this figure.
- Not measured: API servers at a distance (each call then costs its round trip, for everybody), ssh connections and
  `become` (one module call more), Windows, other interpreters than the one named, Helm, Flux and other tools.
- Calls, bytes and memory at 1,000 objects and 1,000 nodes, and that they don't grow with what others have in the
  cluster, are held by `tests/integration/scale` in every run of the tests; times aren't, since machines differ.
- A component's record is one ConfigMap, of which Kubernetes takes 1 MiB: room for some 4,000 objects.
"""


def _machine(result: dict[str, Any]) -> str:
    made = result["machine"]
    before, after = made["load_before"][0], result["load"][0]
    busy = before > made["cores"] / 2
    lines = [
        "## The machine",
        "",
        f"{made['date']}: {made['cores']} cores ({made['processor']}), {made['memory_gb']} GB, Linux {made['kernel']}.",
        f"Kubernetes {made['kubernetes']} and etcd {made['etcd']} on the same machine.",
        f"ansible-core {made['ansible-core']}, kubernetes.core {made['kubernetes.core']}, Python {made['python']}.",
        f"Load {before:.1f} before and {after:.1f} after; the run took {result['took'] / 60:.0f} minutes.",
    ]
    if busy:
        lines += ["", "**The machine was busy with other things: take the ratios, not the seconds.**"]
    return "\n".join(lines)


def _aims(result: dict[str, Any]) -> str:
    rows = []
    for found in result["sets"].values():
        phase = found["phases"][AGAIN]
        inside, kubectl = phase[ENGINE]["seconds"], phase[KUBECTL]["seconds"]
        text = f"no change inside the task no slower than kubectl's whole process: {found['about']}"
        rows.append((text, f"{inside:.2f} s against {kubectl:.2f} s", inside <= kubectl))
    for found in result["sets"].values():
        phase = found["phases"][AGAIN]
        if LOOP not in phase:
            continue
        times = phase[LOOP]["seconds"] / phase[OURS]["seconds"]
        text = f"no change as a whole playbook {LOOP_AIM} times faster than the loop: {found['about']}"
        rows.append((text, f"{times:.0f} times{_estimated(phase[LOOP])}", times >= LOOP_AIM))
    delays = result["readiness"]
    text = f"readiness seen within {READY_AIM} s"
    said = f"median {statistics.median(delays):.2f} s, at most {max(delays):.2f} s of {len(delays)}"
    rows.append((text, said, max(delays) <= READY_AIM))
    peak = max(phase[OURS]["peak_mb"] for found in result["sets"].values() for phase in found["phases"].values())
    rows.append((f"under {MEMORY_AIM} MB", f"{peak:.0f} MB at most, in any set and phase", peak < MEMORY_AIM))
    lines = ["| aim | measured | met |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {aim} | {said} | {'yes' if met else '**no**'} |" for aim, said, met in rows])


def _title(found: dict[str, Any]) -> str:
    kinds = "1 kind" if found["kinds"] == 1 else f"{found['kinds']} kinds"
    about = found["about"][:1].upper() + found["about"][1:]
    return f"## {about}\n\n{found['objects']} objects of {kinds}, {found['bytes'] / 1000:.0f} kB as JSON."


def _table(found: dict[str, Any]) -> str:
    phases = found["phases"]
    lines = [
        "| | " + " | ".join(phases) + " | peak memory |",
        "| --- |" + " ---: |" * (len(phases) + 1),
    ]
    for contender, words in ROWS.items():
        cells = [_cell(phase.get(contender), phase[OURS]["seconds"]) for phase in phases.values()]
        peaks = [phase[contender]["peak_mb"] for phase in phases.values() if "peak_mb" in phase.get(contender, {})]
        lines.append(f"| {words} | {' | '.join(cells)} | {f'{max(peaks):.0f} MB' if peaks else ''} |")
    return "\n".join(lines) + "\n\nIn brackets: how many times the seconds of the first row."


def _cell(found: dict[str, Any] | None, ours: float) -> str:
    if found is None:
        return "not run"
    return f"{found['seconds']:.2f} s ({_ratio(found['seconds'] / ours)}){_estimated(found)}"


def _ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _estimated(found: dict[str, Any]) -> str:
    return ", estimated" if found.get("estimated") else ""


def _slower(result: dict[str, Any]) -> str:
    """Where somebody is faster than the whole playbook, and where than the engine alone."""
    lines = ["## Where we are slower", ""]
    start = result["start"]
    lines.append(
        f"An `ansible-playbook` that does nothing takes {start:.2f} s here; no playbook can be faster than that, and"
        " kubectl, which has no playbook to start, is faster as a whole wherever the work is small."
    )
    lines.append("")
    for found in result["sets"].values():
        for name, phase in found["phases"].items():
            for contender in (KUBECTL, MULTI, LOOP):
                other = phase.get(contender)
                if other is None:
                    continue
                ours, inside = phase[OURS]["seconds"], phase[ENGINE]["seconds"]
                if other["seconds"] < inside:
                    text = f"even than the engine alone ({other['seconds']:.2f} s against {inside:.2f} s)"
                elif other["seconds"] < ours:
                    text = (
                        f"than the whole playbook ({other['seconds']:.2f} s against {ours:.2f} s), not than the engine"
                    )
                else:
                    continue
                lines.append(f"- {found['about']}, {name}: `{contender}` is faster {text}.")
    return "\n".join(lines)
