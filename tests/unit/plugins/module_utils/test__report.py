# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence, the table people read, and the file programs read."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _report
from ansible_collections.openhands.gpu_observability.plugins.module_utils._report import (
    document,
    evidence,
    failed,
    hops,
    replaced,
    table,
    write_atomically,
)

GOOD = {"verdict": "current", "objects": [{"kind": "Secret", "name": "s", "verdict": "current"}]}
LATE = {
    "verdict": "in_progress",
    "objects": [
        {
            "kind": "Deployment",
            "namespace": "monitoring",
            "name": f"d{number}",
            "verdict": "in_progress",
            "reason": "0 of 1" if number else "",
        }
        for number in range(5)
    ],
}
PASSED = {"checks": [{"name": "ready", "ok": True, "detail": "answers", "seconds": 1.0}]}
MISSED = {"failed": True, "msg": "x", "checks": [{"name": "ready", "ok": False, "detail": "HTTP 503", "seconds": 9.0}]}


def test_a_component_that_holds():
    record = evidence("prometheus", "3.14.0", [GOOD, PASSED, {"skipped": True}], 2.34)
    assert record == {
        "component": "prometheus",
        "version": "3.14.0",
        "verdict": "current",
        "seconds": 2.3,
        "checks": [{"name": "objects", "ok": True, "detail": "1 current", "seconds": 0.0}, *PASSED["checks"]],
    }


@pytest.mark.parametrize(
    ("results", "verdict", "details"),
    [
        ([LATE], "in_progress", None),
        ([GOOD, MISSED], "failed", ["1 current", "HTTP 503"]),
        ([LATE, MISSED], "in_progress", None),
        ([{"failed": True, "msg": "no such file"}], "failed", ["no such file"]),
        ([{"failed": True}], "failed", ["failed without a message"]),
        ([{**GOOD, "failed": True, "msg": "half way"}], "failed", ["1 current", "half way"]),
        ([{"verdict": "current", "objects": []}], "failed", ["there are none: was this component rolled out?"]),
        ([], "failed", ["nothing was checked"]),
        ([{"skipped": True, "failed": True}], "failed", ["nothing was checked"]),
        ([{}], "failed", ["nothing was checked"]),
    ],
)
def test_what_doesnt_hold(results, verdict, details):
    record = evidence("x", "", results)
    assert record["verdict"] == verdict
    assert not all(check["ok"] for check in record["checks"])
    if details:
        assert [check["detail"] for check in record["checks"]] == details


def test_objects_that_are_late_are_named_up_to_three():
    detail = evidence("x", "", [LATE])["checks"][0]["detail"]
    assert detail == (
        "Deployment monitoring/d0 is in_progress; Deployment monitoring/d1 is in_progress: 0 of 1; "
        "Deployment monitoring/d2 is in_progress: 0 of 1; and 2 more"
    )


def test_a_newer_look_replaces_the_older():
    old, new = evidence("a", "1", [GOOD]), evidence("a", "2", [GOOD])
    other = evidence("b", "1", [GOOD])
    assert replaced([old, other], new) == [other, new]


def test_the_table_is_aligned_and_says_why():
    records = [evidence("prometheus_operator", "0.93.0", [GOOD, PASSED], 12.0), evidence("lab", "", [MISSED], 1.25)]
    assert table(records) == [
        "component            version  verdict  checks  seconds",
        "-------------------  -------  -------  ------  -------",
        "prometheus_operator  0.93.0   current     2/2     12.0",
        "lab                  -        failed      0/1      1.2",
        "    ready: HTTP 503",
    ]
    assert failed(records) == ["lab"]


PROOF = {
    "alertname": "A",
    "ok": True,
    "hops": [{"name": "pending", "seconds": 3.0}, {"name": "delivered", "seconds": 5.25}],
    "missing": "",
    "changed": False,
}


def test_hops_in_a_line():
    stopped = {"alertname": "B", "ok": False, "hops": [], "missing": "firing"}
    broken = {"alertname": "C", "failed": True}
    assert hops([PROOF, stopped, broken]) == [
        "A: pending 3.0 s, delivered 5.2 s",
        "B: no hop - stopped at firing",
        "C: no hop - stopped at the start",
    ]


def test_the_document():
    record = evidence("a", "1", [GOOD])
    made = document([record], [PROOF], {"cluster": "lab"})
    assert (made["schema_version"], made["cluster"], made["ok"], made["components"]) == (1, "lab", True, [record])
    assert made["proofs"][0]["alertname"] == "A"
    assert "changed" not in made["proofs"][0]
    assert not document([record], [{**PROOF, "ok": False}], {})["ok"]
    assert not document([evidence("a", "1", [MISSED])], [], {})["ok"]


def test_the_file_is_written_whole_with_its_folder(tmp_path):
    path = tmp_path / "new" / "lab.json"
    write_atomically(str(path), {"a": 1})
    write_atomically(str(path), {"a": 2})
    assert json.loads(path.read_text()) == {"a": 2}
    assert oct(path.stat().st_mode & 0o777) == "0o644"
    assert os.listdir(path.parent) == ["lab.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "lab.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_atomically(str(path), {"a": object()})
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["lab.json"]


def test_a_bare_name_is_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_atomically("lab.json", {})
    assert _report.SCHEMA_VERSION == 1
    assert (tmp_path / "lab.json").exists()
