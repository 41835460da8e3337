# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/benchmarks_hosts.md from what was measured: nothing in it is written by hand but the words."""

from __future__ import annotations

from typing import Any

GROWTH, MEMORY = 1.5, 512

INTRODUCTION = """
# Benchmarks of many GPU hosts

Written by `make bench`; change `tests/bench`, not this page. Hosts are simulated as trees of plain files.
What counts is the ratio: ten times the hosts should take ten times the processor time.
"""
LIMITS = """
## What is measured

- *In one process*: the plan of every host by the function behind `driver_plan`, then the table and the JSON
  of all. The hosts are of twelve kinds (HGX H100 and B200, GB200, T4, mixed, guests, broken ones), most with
  another driver than is wanted. Reading the facts is not in the seconds; the peak is that of the whole
  process.
- *The modules*: a play of `gpu_info` on every host over a local connection, `driver_plan`, and
  `gpu_hosts_report` over all, with one fork for each core.
- *The playbook*: `playbooks/gpu_hosts.yml --check` from start to end, half of the hosts with an older driver;
  the package manager is a fake that answers at once. A thousand hosts take half an hour here, and are left to
  whoever asks for them (`PLAYBOOK` in `tests/bench/hosts.py`).
- On real hosts the connection comes on top, and the modules run on the hosts' own processors, all at once
  with enough forks; here all of them share this machine's.
- The peak is that of the biggest process, which is the controller's with the facts and plans of all hosts.
- Not measured: ssh, package managers, the cluster's answers about the nodes, drains.
"""


def write(result: dict[str, Any]) -> str:
    """The page."""
    sections = [INTRODUCTION, _machine(result), _aims(result), _function(result), *_runs(result), LIMITS]
    return "\n\n".join(section.strip("\n") for section in sections) + "\n"


def growth(rows: list[dict[str, Any]], key: str) -> float:
    """What a host costs among the most hosts, beside one among a tenth of them."""
    last = rows[-1]
    before = next(row for row in rows if row["hosts"] * 10 == last["hosts"])
    return (last[key] / last["hosts"]) / (before[key] / before["hosts"])


def _machine(result: dict[str, Any]) -> str:
    made = result["machine"]
    before, after = made["load_before"][0], result["load"][0]
    lines = [
        "## The machine",
        "",
        f"{made['date']}: {made['cores']} cores ({made['processor']}), {made['memory_gb']} GB, Linux {made['kernel']}.",
        f"ansible-core {made['ansible-core']}, Python {made['python']}.",
        f"Load {before:.1f} before and {after:.1f} after.",
    ]
    if before > made["cores"] / 2:
        lines += ["", "**The machine was busy with other things: take the ratios, not the seconds.**"]
    return "\n".join(lines)


def _aims(result: dict[str, Any]) -> str:
    rows = []
    for name, key in (("function", "planned"), ("modules", "cpu"), ("playbook", "cpu")):
        found = growth(result[name], key)
        hosts = result[name][-1]["hosts"]
        rows.append(
            (
                f"{name}: a host of {hosts:,} costs at most {GROWTH} times one of a tenth",
                f"{found:.2f}",
                found <= GROWTH,
            )
        )
    last = result["modules"][-1]
    rows.append(
        (f"modules on {last['hosts']:,} hosts under {MEMORY} MB", f"{last['peak_mb']:.0f} MB", last["peak_mb"] < MEMORY)
    )
    lines = ["## Aims", "", "| aim | measured | met |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {aim} | {said} | {'yes' if met else '**no**'} |" for aim, said, met in rows])


def _function(result: dict[str, Any]) -> str:
    lines = [
        "## In one process",
        "",
        "| hosts | plans | a host | table and JSON | lines of the table | peak memory |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in result["function"]:
        each = row["planned"] / row["hosts"] * 1000
        lines.append(
            f"| {row['hosts']:,} | {row['planned']:.2f} s | {each:.2f} ms | {row['reported']:.2f} s | {row['lines']}"
            f" | {row['peak_mb']:.0f} MB |"
        )
    return "\n".join(lines)


def _runs(result: dict[str, Any]) -> list[str]:
    return [_run("The modules", result["modules"]), _run("The playbook", result["playbook"])]


def _run(title: str, rows: list[dict[str, Any]]) -> str:
    lines = [
        f"## {title}",
        "",
        "| hosts | seconds | processor time | a host | peak memory |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        each = row["cpu"] / row["hosts"] * 1000
        lines.append(
            f"| {row['hosts']:,} | {row['seconds']:.1f} s | {row['cpu']:.1f} s | {each:.0f} ms"
            f" | {row['peak_mb']:.0f} MB |"
        )
    return "\n".join(lines)
