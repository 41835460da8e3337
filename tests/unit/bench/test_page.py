# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the benchmark says what was measured, also where that isn't to our credit; the sets are what it says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import objects
import page
import run
from contenders import ENGINE, KUBECTL, LOOP, MULTI, OURS, Run

MACHINE = {
    "date": "2026-01-02",
    "cores": 2,
    "processor": "a processor",
    "memory_gb": 24,
    "kernel": "6.1",
    "python": "3.11.7",
    "kubernetes": "v1.36.3",
    "etcd": "3.4.23",
    "ansible-core": "2.19.14",
    "kubernetes.core": "6.2.0",
    "load_before": [0.1, 0.2, 0.3],
}


def phase(*, ours=1.0, inside=0.1, kubectl=0.3, multi=3.0, loop=30.0, peak=60.0):
    seconds = {OURS: ours, KUBECTL: kubectl, MULTI: multi, LOOP: loop}
    found = {name: {"seconds": value, "peak_mb": peak} for name, value in seconds.items()}
    return {**found, ENGINE: {"seconds": inside}}


def result(load=0.1, readiness=(0.1, 0.2), **seconds):
    phases = {"first apply": phase(), "no change": phase(**seconds), "one drifted": phase()}
    found = {"about": "50 things", "objects": 50, "kinds": 1, "bytes": 14000, "phases": phases}
    machine = {**MACHINE, "load_before": [load, 0.0, 0.0]}
    return {
        "machine": machine,
        "start": 0.5,
        "load": [0.5, 0.4, 0.3],
        "took": 600,
        "readiness": list(readiness),
        "sets": {"things": found},
    }


def row(text, words):
    return next(line for line in text.splitlines() if line.startswith("| ") and words in line)


@pytest.mark.parametrize(
    ("given", "words", "met"),
    [
        ({}, "no slower than kubectl", True),
        ({"inside": 0.31}, "no slower than kubectl", False),
        ({"loop": 25.0}, "times faster than the loop", True),
        ({"loop": 24.0}, "times faster than the loop", False),
        ({"readiness": (0.1, 0.3)}, "readiness seen", True),
        ({"readiness": (0.1, 0.31)}, "readiness seen", False),
        ({"peak": 119.0}, "under 120 MB", True),
        ({"peak": 120.0}, "under 120 MB", False),
    ],
)
def test_an_aim_that_is_missed_is_said_to_be(given, words, met):
    assert row(page.write(result(**given)), words).endswith("| yes |" if met else "| **no** |")


def test_where_others_are_faster_is_listed():
    text = page.write(result(inside=0.4, kubectl=0.2))
    slower = text.partition("## Where we are slower")[2].partition("\n## ")[0]
    assert "50 things, no change: `kubectl` is faster even than the engine alone (0.20 s against 0.40 s)" in slower
    assert "`k8s-multi`" not in slower
    assert "50 things, first apply: `kubectl` is faster than the whole playbook (0.30 s against 1.00 s)" in slower


def test_where_the_loop_was_not_run_its_aim_is_not_judged():
    given = result()
    del given["sets"]["things"]["phases"]["no change"][LOOP]
    assert "faster than the loop" not in page.write(given)


def test_a_set_has_its_heading():
    given = result()
    given["sets"]["things"]["about"] = "the things of ten"
    assert "\n## The things of ten\n\n50 objects of 1 kind, 14 kB as JSON." in page.write(given)


def test_every_cell_has_its_ratio_and_an_estimate_is_called_one():
    given = result()
    given["sets"]["things"]["phases"]["no change"][LOOP] = {"seconds": 400.0, "estimated": True}
    del given["sets"]["things"]["phases"]["one drifted"][MULTI]
    text = page.write(given)
    assert "| 30.00 s (30) | 400.00 s (400), estimated | 30.00 s (30) | 60 MB |" in row(text, "in a loop")
    assert row(text, "multi-document file").endswith("| 3.00 s (3.0) | 3.00 s (3.0) | not run | 60 MB |")


@pytest.mark.parametrize(("load", "busy"), [(0.3, False), (1.9, True)])
def test_a_busy_machine_is_named(load, busy):
    assert ("was busy" in page.write(result(load=load))) is busy


def test_medians_and_the_largest_peak_are_what_counts():
    runs = [Run(1.0, 50.0, 0.2), Run(9.0, 70.0, 0.9), Run(2.0, 60.0, 0.1)]
    found = run.condensed({"no change": {OURS: runs, KUBECTL: [Run(0.5, 90.0)]}})["no change"]
    assert (found[OURS]["seconds"], found[OURS]["peak_mb"], found[ENGINE]["seconds"]) == (2.0, 70.0, 0.2)
    assert set(found) == {OURS, ENGINE, KUBECTL}


def test_a_loop_that_was_not_run_is_told_from_the_one_that_was():
    known = {"objects": 50, "phases": {"no change": {LOOP: {"seconds": 25.5}}}}
    sets = {"configmaps": known, "thousand": {"objects": 1000, "phases": {"no change": {}}}}
    run.estimate_loop(sets, start=0.5)
    assert sets["thousand"]["phases"]["no change"][LOOP] == {"seconds": 500.5, "estimated": True}
    assert "estimated" not in known["phases"]["no change"][LOOP]


def test_the_mixed_set_is_about_a_hundred_objects_of_many_kinds_and_each_once():
    bodies = objects.mixed()
    assert len(bodies) == 104
    assert len({body["kind"] for body in bodies}) == 12
    assert len({(body["kind"], body["metadata"]["name"]) for body in bodies}) == len(bodies)


def test_contenders_share_no_object():
    definition = {
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "names": {"plural": "things"}},
    }
    one, other = (objects.placed(definition, owner) for owner in ("one", "other"))
    assert (one["metadata"]["name"], one["spec"]["group"]) == ("things.one.example.org", "one.example.org")
    assert one["metadata"]["name"] != other["metadata"]["name"]
    assert definition["spec"]["group"] == "example.com"
    assert objects.placed(objects.config_maps(1)[0], "one")["metadata"]["namespace"] == "one"


def test_drift_is_another_value_in_the_contenders_own_name():
    live = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "one", "uid": "u", "managedFields": [], "labels": {"a": "b"}},
        "data": {"number": "1", "text": "line"},
    }
    body = objects.drifted(live, "kubectl")
    assert body["data"] == {"number": "changed by kubectl", "text": "line"}
    assert body["metadata"] == {"name": "c", "namespace": "one", "labels": {"a": "b"}}
    assert live["data"]["number"] == "1"
