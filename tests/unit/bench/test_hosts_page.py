# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on many GPU hosts says what was measured, also where it grows faster than it should."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import hosts_page

MACHINE = {
    "date": "2026-01-02",
    "cores": 2,
    "processor": "a processor",
    "memory_gb": 24,
    "kernel": "6.1",
    "python": "3.11.7",
    "ansible-core": "2.19.14",
}


def made(*, last=3.0, cpu=200.0, peak=100.0, load=0.1):
    rows = [(100, 0.03), (1000, 0.3), (10000, last)]
    function = [
        {"hosts": hosts, "planned": seconds, "reported": 0.1, "lines": 20, "peak_mb": 30.0} for hosts, seconds in rows
    ]
    modules = [
        {"hosts": 100, "seconds": 30.0, "cpu": 20.0, "peak_mb": 60.0},
        {"hosts": 1000, "seconds": 300.0, "cpu": cpu, "peak_mb": peak},
    ]
    playbook = [{**row, "hosts": row["hosts"] // 10} for row in modules]
    machine = {**MACHINE, "load_before": [load, 0.1, 0.1]}
    return {"machine": machine, "load": [0.2, 0.1, 0.1], "function": function, "modules": modules, "playbook": playbook}


def test_a_linear_run_meets_its_aims():
    text = hosts_page.write(made())
    assert "**no**" not in text
    assert "| 1,000 | 300.0 s | 200.0 s | 200 ms | 100 MB |" in text
    assert "| 10,000 | 3.00 s | 0.30 ms | 0.10 s | 20 | 30 MB |" in text
    assert "busy" not in text


@pytest.mark.parametrize(
    ("worse", "row"), [({"last": 6.0}, "2.00"), ({"cpu": 400.0}, "2.00"), ({"peak": 600.0}, "600 MB")]
)
def test_what_is_missed_is_said(worse, row):
    assert f"| {row} | **no** |" in hosts_page.write(made(**worse))


def test_a_busy_machine_is_named():
    assert "busy with other things" in hosts_page.write(made(load=3.0))
