# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measuring of gpu_info measures what it says; how long it takes is not judged here."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host

BENCH = Path(__file__).resolve().parents[2] / "bench" / "gpu_host.py"


@pytest.fixture
def bench(monkeypatch):
    """The program as a module, with a small host."""
    spec = importlib.util.spec_from_file_location("gpu_host_bench", BENCH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LIBRARIES", 3)
    monkeypatch.setattr(module, "MODULES", 3)
    return module


def test_the_host_is_what_it_says(bench, tmp_path):
    bench.build(tmp_path, devices=5, processes=4)
    host = _host.look(str(tmp_path))
    assert (host["found_gpus"], len(host["nvswitches"]), len(host["users"])) == (8, 4, 6)
    assert len(list((tmp_path / "sys/bus/pci/devices").iterdir())) == 8 + 4 + 2 + 5
    assert len([name for name in (tmp_path / "proc").iterdir() if name.name.isdigit()]) == 3 + 3 + 4
    assert host["driver"]["on_disk"] == "580.95.05"


def test_each_case_is_measured_and_the_host_left_as_it_was(bench, tmp_path):
    bench.build(tmp_path, devices=1, processes=1)
    before = (tmp_path / "sys/module/nvidia/refcnt").read_text()
    assert set(bench.measure(str(tmp_path), turns=1)) == {"in use", "not in use", "reading the handles alone"}
    assert (tmp_path / "sys/module/nvidia/refcnt").read_text() == before


@pytest.mark.parametrize(("slow", "word"), [(40.0, "met"), (60.0, "missed")])
def test_the_aim_is_judged_by_the_slower_case(bench, slow, word):
    found = bench.lines({"in use": slow, "not in use": 5.0, "reading the handles alone": 20.0})
    assert found[0].startswith(f"in use: {slow} ms, {slow / 20:.1f} times")
    assert found[-1] == f"the aim of 50 ms is {word}"
