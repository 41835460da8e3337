# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many may go, and what Ceph says."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import fleet
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes.record import RECORD, Record, of

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def node(name, *, ready="True", cordoned=False, zone="", maintained=False):
    annotations = Record("draining", "r", "t").annotations if maintained else {}
    return {
        "metadata": {"name": name, "annotations": annotations, "labels": {"zone": zone} if zone else {}},
        "spec": {"unschedulable": cordoned},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize(
    ("budget", "size", "expected"), [("3", 100, 3), ("10%", 25, 2), ("10%", 5, 1), ("0", 5, 0), ("100%", 7, 7)]
)
def test_a_percentage_is_rounded_down_and_never_to_nothing(budget, size, expected):
    assert fleet.allowed(budget, size) == expected


@pytest.mark.parametrize("out", [{"ready": "Unknown"}, {"cordoned": True}, {"maintained": True}])
def test_who_is_out_for_any_reason_counts_but_not_oneself(out):
    nodes = [node("a", **out), node("b"), node("c")]
    assert fleet.over_budget("b", nodes, "1") == "1 of 3 nodes are out of service (a), and the budget is 1"
    assert fleet.over_budget("a", nodes, "1") == ""
    assert fleet.over_budget("b", nodes, "2") == ""
    assert fleet.over_budget("b", nodes, "") == ""


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"health": "HEALTH_OK"}, ""),
        ({"health": "HEALTH_WARN", "details": {"POOL_NO_REDUNDANCY": {"message": "x"}}}, ""),
        ({"health": "HEALTH_WARN", "details": {"PG_DEGRADED": {"message": "3 pgs"}}}, "PG_DEGRADED: 3 pgs"),
        ({"health": "HEALTH_WARN", "details": {"MON_DOWN": {"message": "1/3 down"}}}, "MON_DOWN: 1/3 down"),
        ({"health": "HEALTH_ERR"}, "HEALTH_ERR"),
        ({}, "its health hasn't been read"),
        ({"health": "HEALTH_OK", "lastChecked": "2026-11-23T11:50:00Z"}, ""),
        ({"health": "HEALTH_OK", "lastChecked": "2026-11-23T11:49:59Z"}, "last read at 2026-11-23T11:49:59Z"),
        ({"health": "HEALTH_OK", "lastChecked": "soon"}, ""),
    ],
)
def test_ceph_must_be_clean_and_have_its_monitors(status, words):
    cluster = {"metadata": {"namespace": "rook-ceph", "name": "c"}, "status": {"ceph": status}}
    found = fleet.ceph_unclean([cluster], NOON)
    assert (found == []) == (words == "")
    assert all(words in line for line in found)


def test_one_failure_domain_at_a_time():
    one, near = node("a", zone="z1", maintained=True), node("b", zone="z1")
    far, lone = node("c", zone="z2"), node("d")
    assert fleet.other_domain(near, [one, near], "zone") == ""
    assert fleet.other_domain(far, [one, far], "zone") == "a of zone z1 is in maintenance, this node is of z2"
    assert fleet.other_domain(lone, [node("e", maintained=True)], "zone") != ""
    assert fleet.other_domain(one, [one], "zone") == ""


def test_only_the_daemons_that_hold_data_count():
    def daemon(app):
        return {"metadata": {"name": app, "labels": {"app": app}}}

    pods = [daemon(app) for app in ("rook-ceph-osd", "rook-ceph-mon", "rook-ceph-mgr", "web")]
    assert fleet.ceph_on(pods) == ["rook-ceph-mon", "rook-ceph-osd"]


def test_a_record_survives_its_annotation_and_a_broken_one_is_named():
    made = Record("drained", "r", "t", cordoned=True, boot="b", labels={"x": None})
    assert of({"metadata": {"annotations": made.annotations}}) == made
    assert of({"metadata": {}}) is None
    with pytest.raises(RolloutError, match=r"Node n: its annotation .*maintenance can't be read"):
        of({"metadata": {"name": "n", "annotations": {RECORD: "{"}}})
