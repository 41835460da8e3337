# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes in maintenance are named, whoever left them."""

from __future__ import annotations

from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import out, record


def node(name, **annotations):
    return {"metadata": {"name": name, "annotations": annotations}}


def test_what_is_out_is_listed_by_name():
    kept = record.Record("failed", "run", "2026-11-23T10:00:00Z", True, what="1 to 2", reason="Reboot:\nno answer")
    nodes = [node("c", **kept.annotations), node("b"), node("a", **{record.RECORD: "{"})]
    found = out.of(nodes)
    assert [(one["node"], one["state"]) for one in found] == [("a", "unreadable"), ("c", "failed")]
    shown = out.lines([{"name": "here", "out": found}])
    assert shown[0] == "Still out of service in cluster here:"
    assert "its annotation" in shown[1]
    assert shown[2] == "    c  failed since 2026-11-23T10:00:00Z: 1 to 2: Reboot: no answer"


def test_nothing_is_said_where_nothing_is_out_and_why_where_nobody_knows():
    assert out.lines([{"name": "here", "out": []}]) == []
    assert out.lines([{"name": "here", "error": "no route"}]) == [
        "Cluster here didn't say which nodes are out of service: no route"
    ]
