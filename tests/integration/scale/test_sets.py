# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sets of 100, 300 and 1,000 objects cost: it grows with them in a straight line, and with nothing else."""

from __future__ import annotations

import math
from typing import Any

import pytest
from integration.scale.control_plane import ControlPlane, Report

SIZES = (100, 300, 1000)
KINDS = 4
PAGES = KINDS * math.ceil(max(SIZES) / 500)
FIXED = 24
"""Calls of any run: discovery, namespace, record, Lease, rights and the first lists."""
MEMORY_MB = 120
STRANGERS = 5000


def mixed(count: int) -> list[dict[str, Any]]:
    """A set of four kinds, most of them ConfigMaps as rules and dashboards are carried."""
    made = []
    for number in range(count):
        metadata = {"name": f"object-{number:04}"}
        made.append(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
            if number % 10 == 0
            else {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}}
            if number % 10 == 1
            else {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": []}
            if number % 10 == 2
            else {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata,
                "data": {"number": str(number), "text": "line\n" * 20},
            }
        )
    return made


def drift(plane: ControlPlane, namespace: str) -> None:
    """Change a value of one object as the rollout's own field manager did before."""
    path = f"/api/v1/namespaces/{namespace}/configmaps/object-0005"
    live = plane.client.get(path)
    body = {key: live[key] for key in ("apiVersion", "kind", "data")} | {
        "metadata": {"name": "object-0005", "labels": live["metadata"]["labels"]}
    }
    body["data"]["number"] = "drifted"
    query = {"fieldManager": "openhands-gpu-observability", "force": "true"}
    plane.client.send("PATCH", path, body, query, "application/apply-patch+yaml")


@pytest.fixture(scope="module")
def reports(plane: ControlPlane) -> dict[str, dict[int, Report]]:
    """Phase to size to what the run told."""
    found: dict[str, dict[int, Report]] = {"first": {}, "again": {}, "drifted": {}}
    for size in SIZES:
        namespace, objects = plane.namespace(f"set-{size}"), mixed(size)
        found["first"][size] = plane.rollout(objects, namespace)
        found["again"][size] = plane.rollout(objects, namespace)
        drift(plane, namespace)
        found["drifted"][size] = plane.rollout(objects, namespace)
    return found


def show(name: str, report: Report) -> None:
    """A line for the person who reads the log."""
    print(
        f"{name}: {report.total} calls, {report.received / 1000:.0f} kB in, {report.sent / 1000:.0f} kB out,"
        f" {report.peak_mb:.0f} MB, {report.seconds:.2f} s"
    )


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("first", lambda size: {"created": size}),
        ("again", lambda size: {"unchanged": size}),
        ("drifted", lambda size: {"configured": 1, "unchanged": size - 1}),
    ],
)
def test_every_object_is_accounted_for(reports, phase, expected) -> None:
    for size, report in reports[phase].items():
        show(f"{phase} {size}", report)
        assert report.counts == expected(size)
        assert report.verdicts == {"current": size}


def test_a_first_apply_takes_two_calls_for_an_object(reports) -> None:
    """The dry run and the write: the straight line through two sizes hits the third."""
    totals = {size: report.total for size, report in reports["first"].items()}
    for size, total in totals.items():
        assert abs(total - 2 * size) <= FIXED + PAGES, totals


def test_no_change_takes_a_list_for_a_kind_however_many_there_are(reports) -> None:
    for report in reports["again"].values():
        assert report.total <= FIXED + PAGES, report.calls
        assert {verb for call in report.calls for verb in [call.split()[0]]} <= {"discover", "get", "list", "post"}
        assert report.sent < 4000


def test_one_that_drifted_takes_no_calls_for_those_that_did_not(reports) -> None:
    for report in reports["drifted"].values():
        assert report.total <= FIXED + 2 * PAGES + 4, report.calls
        assert report.calls["dry-run configmaps"] == report.calls["patch configmaps"] == 1


@pytest.mark.parametrize("phase", ["first", "again", "drifted"])
def test_bytes_grow_in_a_straight_line(reports, phase) -> None:
    small, middle, large = (reports[phase][size] for size in SIZES)
    early = (middle.received - small.received) / (SIZES[1] - SIZES[0])
    late = (large.received - middle.received) / (SIZES[2] - SIZES[1])
    assert late == pytest.approx(early, rel=0.1)


def test_memory_stays_bounded(reports) -> None:
    for phase in reports.values():
        small, large = phase[SIZES[0]], phase[SIZES[-1]]
        assert large.peak_mb < MEMORY_MB
        # What an object takes: its wanted, live and planned bodies.
        assert (large.peak_mb - small.peak_mb) * 1024 / (SIZES[-1] - SIZES[0]) < 50


def test_the_record_has_room(plane: ControlPlane, reports) -> None:
    """A ConfigMap holds 1 MiB: a component may have some thousands of objects."""
    size = SIZES[-1]
    record = plane.client.get(f"/api/v1/namespaces/set-{size}/configmaps/rollout-inventory-scale")
    held = sum(map(len, record["data"].values()))
    print(f"record of {size}: {held / 1000:.0f} kB")
    assert held < 1_048_576 / 3


@pytest.fixture(scope="module")
def crowded(plane: ControlPlane, reports) -> str:
    """The namespace of the smallest set, which now holds thousands of objects of others."""
    namespace = f"set-{SIZES[0]}"
    elsewhere = plane.namespace("elsewhere")
    maps = [
        {"metadata": {"name": f"another-{number:04}", "labels": {"app": "another"}}, "data": {"text": "line\n" * 20}}
        for number in range(STRANGERS)
    ]
    half = len(maps) // 2
    plane.create(f"/api/v1/namespaces/{namespace}/configmaps", maps[:half])
    plane.create(f"/api/v1/namespaces/{elsewhere}/configmaps", maps[half:])
    return namespace


@pytest.mark.parametrize("phase", ["again", "drifted"])
def test_nothing_grows_with_what_others_have(plane: ControlPlane, crowded: str, reports, phase: str) -> None:
    if phase == "drifted":
        drift(plane, crowded)
    before, after = reports[phase][SIZES[0]], plane.rollout(mixed(SIZES[0]), crowded)
    show(f"{phase} {SIZES[0]} among {STRANGERS}", after)
    assert after.counts == before.counts
    assert after.calls == before.calls
    assert after.received == pytest.approx(before.received, rel=0.02)
    assert after.peak_mb < before.peak_mb + 5


def test_new_objects_among_many_others_cost_what_they_cost_elsewhere(plane: ControlPlane, crowded: str) -> None:
    """Names that were never ours have to be asked for one by one: a call more for each, and no more bytes."""
    objects = mixed(SIZES[0])
    for item in objects:
        item["metadata"]["name"] += "-new"
    report = plane.rollout(objects, crowded, component="newcomer")
    show(f"first {SIZES[0]} among {STRANGERS}", report)
    assert report.counts == {"created": SIZES[0]}
    assert report.total <= 3 * SIZES[0] + FIXED + PAGES
    assert report.received < 1_000_000
