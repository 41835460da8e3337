# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of kstatus and Argo CD: met, or different for a reason that the page on verdicts gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import assess

TABLE = yaml.safe_load((Path(__file__).parents[2] / "fixtures" / "truth_tables.yml").read_text("utf-8"))
PAGE = Path(__file__).parents[4] / "docs" / "verdicts.md"
MEANING = {
    "Current": "current",
    "Healthy": "current",
    "InProgress": "in_progress",
    "Progressing": "in_progress",
    "Failed": "failed",
    "Degraded": "failed",
}
"""Their words to ours; Unknown and Suspended have none."""


class Case(NamedTuple):
    """One case of theirs. differs: the key of the reason; empty where both say the same."""

    kind: str
    name: str
    theirs: str
    ours: str
    given: dict[str, Any]
    differs: str = ""


CASES = {
    f"{peer} {kind.rpartition('/')[2]} {row[0]}": Case(kind, *row)
    for peer in ("kstatus", "argo")
    for kind, rows in TABLE[peer].items()
    for row in rows
}
each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def build(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """The object of a case, of generation 1 unless it says otherwise."""
    api_version, _, name = kind.rpartition("/")
    body = {key: value for key, value in given.items() if key != "children"}
    return {**body, "apiVersion": api_version, "kind": name, "metadata": {"generation": 1, **body.get("metadata", {})}}


@each
def test_case(case):
    verdict = assess(build(case.kind, case.given), case.given.get("children", ()), reports_status=True)
    assert verdict.status.value == case.ours, verdict


@each
def test_only_what_has_a_reason_differs(case):
    assert (MEANING.get(case.theirs) != case.ours) == bool(case.differs)


def test_every_reason_has_a_case_and_a_line_on_the_page():
    used = {case.differs for case in CASES.values()} - {""}
    assert used == set(TABLE["differences"])
    part = PAGE.read_text("utf-8").split("## Where this differs from kstatus and Argo CD\n", 1)[1]
    lines = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| ")][2:]
    told = {cells[0].strip(): cells[-1].strip() for cells in lines}
    assert set(told) == {one["situation"] for one in TABLE["differences"].values()}
    for one in TABLE["differences"].values():
        assert told[one["situation"]].endswith(one["because"])
