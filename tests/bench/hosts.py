# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the plans of many GPU hosts take, in one process and as a playbook (make bench).

Writes reports/bench/hosts.json, and docs/benchmarks_hosts.md when all sizes were run.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "tests" / "bench"
sys.path[:0] = [str(ROOT / "tests"), str(BENCH)]

import hosts_page  # noqa: E402 (the path comes first)
from gpu_trees import TREES  # noqa: E402
from integration.gpu_hosts import product as products  # noqa: E402
from integration.gpu_hosts.hosts import NEW, OLD, Site  # noqa: E402

FUNCTION = (100, 1000, 10000)
MODULES = (10, 100, 1000)
PLAYBOOK = (10, 100)
PLAY = BENCH / "hosts.yml"


def say(line: str) -> None:
    """A line for the person who waits."""
    print(line, flush=True)


def measured(command: list[str], folder: Path, within: Path = ROOT, **environment: str) -> dict[str, Any]:
    """Run a command in a folder; seconds and peak memory of the biggest process. Raises RuntimeError where it fails."""
    report = folder / "measured.json"
    done = subprocess.run(
        [sys.executable, str(BENCH / "measured.py"), str(report), *command],
        cwd=within,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = json.loads(report.read_text(encoding="ascii"))
    if found["code"]:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return found


def function(size: int, folder: Path) -> dict[str, Any]:
    """The pure function, as often as there are hosts."""
    result = folder / "planned.json"
    found = measured([sys.executable, str(BENCH / "plan_hosts.py"), str(size), str(result)], folder)
    return {"hosts": size, "peak_mb": found["peak_mb"], **json.loads(result.read_text(encoding="ascii"))}


def modules(size: int, folder: Path) -> dict[str, Any]:
    """gpu_info on a tree, driver_plan, the table: what makes a plan, over a local connection."""
    trees = folder / "trees"
    if not trees.exists():
        for name, make in TREES.items():
            (trees / name).mkdir(parents=True)
            make(trees / name)
    names = sorted(TREES)
    lines = ["[gpu_nodes]"]
    lines += [f"gpu{number:04d} tree={trees / names[number % len(names)]}" for number in range(size)]
    inventory = folder / "inventory.ini"
    inventory.write_text("\n".join(lines) + "\n", encoding="utf-8")
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [program, "-i", str(inventory), str(PLAY), "-e", f"report={folder / 'report.json'}"]
    found = measured(command, folder, ANSIBLE_FORKS=str(os.cpu_count() or 1), ANSIBLE_PYTHON_INTERPRETER=sys.executable)
    counts = json.loads((folder / "report.json").read_text(encoding="utf-8"))["counts"]
    if sum(counts.values()) != size or counts["failed"]:
        raise RuntimeError(f"not every host was planned: {counts}")
    return found


def playbook(size: int, folder: Path) -> dict[str, Any]:
    """playbooks/gpu_hosts.yml --check over a local connection; every other host has the wanted driver."""
    place = folder / str(size)
    site = Site(products.make(place / "product"), place)
    for number in range(size):
        site.host(f"gpu{number:04d}", OLD if number % 2 else NEW)
    command = site.command("--check", forks=os.cpu_count() or 1)
    found = measured(command, folder, site.product, **site.environment())
    counts = json.loads((place / "gpu_hosts.json").read_text(encoding="utf-8"))["counts"]
    if (counts["pending"], counts["as_wanted"]) != (size // 2, size - size // 2):
        raise RuntimeError(f"not every host was planned: {counts}")
    shutil.rmtree(place)
    return found


def machine() -> dict[str, Any]:
    """What the figures were made on."""

    def line(path: str, key: str) -> str:
        with open(path, encoding="utf-8") as stream:
            return next((text.partition(":")[2].strip() for text in stream if text.startswith(key)), "unknown")

    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "processor": line("/proc/cpuinfo", "model name"),
        "memory_gb": round(int(line("/proc/meminfo", "MemTotal").split()[0]) / 1024 / 1024),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "ansible-core": metadata.version("ansible-core"),
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=MODULES[-1], help="the largest number of hosts of a playbook")
    largest = parser.parse_args().largest
    made: dict[str, Any] = {"machine": machine(), "function": [], "modules": [], "playbook": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in FUNCTION:
            made["function"].append(function(size, folder))
            say("function: {hosts} hosts: {planned:.2f} s, {peak_mb:.0f} MB".format(**made["function"][-1]))
        for what, measure, sizes in (("modules", modules, MODULES), ("playbook", playbook, PLAYBOOK)):
            for size in (size for size in sizes if size <= largest):
                found = {"hosts": size, **measure(size, folder)}
                made[what].append(found)
                line = "{hosts} hosts: {seconds:.1f} s, {cpu:.1f} s of processor, {peak_mb:.0f} MB"
                say(f"{what}: {line.format(**found)}")
    made["load"] = [round(load, 2) for load in os.getloadavg()]
    reports = ROOT / "reports" / "bench"
    reports.mkdir(parents=True, exist_ok=True)
    (reports / "hosts.json").write_text(json.dumps(made, indent=2), encoding="utf-8")
    if largest >= MODULES[-1]:
        (ROOT / "docs" / "benchmarks_hosts.md").write_text(hosts_page.write(made), encoding="utf-8")


if __name__ == "__main__":
    main()
