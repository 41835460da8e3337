# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ended, host by host."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import outcomes


def plan(action="upgrade", **more):
    return {
        "now": {"version": "570.1", "flavour": "open"},
        "wanted": {"branch": "580", "version": "580.2", "flavour": "open"},
        "action": action,
        "drain": True,
        "reboot": False,
        "blocked": [],
        "pending": "",
        "skipped": "",
        **more,
    }


def entry(outcome=None, way="roll", **more):
    return {"host": "gpu1", "plan": plan(**more), "way": way, "outcome": outcome or {}}


CASES = [
    (entry({"state": "done", "version": "580.2", "released": True}), "done", False, "580.2 open", "released"),
    (entry({"state": "failed", "step": "Change", "detail": "x", "cordoned": True}), "failed", True, "?", "cordoned"),
    (entry({"state": "failed", "step": "Prepare", "detail": "x"}), "failed", True, "570.1 open", ""),
    (entry({"state": "busy", "detail": "a job"}), "busy", False, "570.1 open", ""),
    (entry({"state": "busy", "detail": "a job", "cordoned": True}, "first"), "busy", True, "570.1 open", "cordoned"),
    (entry({"state": "not_begun", "detail": "the roll stopped"}), "not begun", True, "570.1 open", ""),
    (
        entry({"state": "not_begun", "detail": "x", "cordoned": True}, "first"),
        "not begun",
        True,
        "570.1 open",
        "cordoned",
    ),
    (entry({"state": "begun"}), "not begun", True, "570.1 open", ""),
    (entry(), "not begun", True, "570.1 open", ""),
    (entry(pending="needs a drain"), "pending", False, "570.1 open", ""),
    (entry(way="held", pending="needs a drain"), "held", True, "570.1 open", "cordoned"),
    (entry(way="none", action="none"), "as wanted", False, "570.1 open", ""),
    (entry(way="none", action="none", skipped="vfio"), "left alone", False, "570.1 open", ""),
    (entry(way="none", blocked=[{"code": "c", "reason": "r", "fix": "f"}]), "blocked", True, "570.1 open", ""),
    ({"host": "gpu1", "error": "unreachable", "plan": None}, "failed", True, "-", ""),
    ({"host": "gpu1", "error": "unreachable", "plan": None, "way": "held"}, "failed", True, "-", "cordoned"),
]


@pytest.mark.parametrize(("one", "status", "bad", "now", "node"), CASES)
def test_every_end(one, status, bad, now, node):
    found = outcomes.ended(one)
    assert (found.status, found.now, found.node) == (status, now, node)
    assert outcomes.bad([one]) == (["gpu1"] if bad else [])
    assert outcomes.counts([one])[status] == 1
    document = outcomes.document([one], {"title": "t"})
    assert document["ok"] is not bad
    assert document["hosts"][0]["status"] == status.replace(" ", "_")


def test_hosts_that_ended_the_same_way_share_a_row_and_failures_come_first():
    same = [{**entry(way="none", action="none"), "host": f"gpu{number}"} for number in range(2, 9)]
    lines = outcomes.lines([*same, entry({"state": "failed", "step": "Change", "detail": "no space"})])
    assert lines[2].startswith("gpu1")
    assert lines[3] == "    Change: no space"
    assert lines[4].startswith("gpu[2-8]")
    assert lines[-1] == "8 hosts: 7 as wanted, 1 failed"
