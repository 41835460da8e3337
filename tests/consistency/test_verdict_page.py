# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages on the engine say what its tables say."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _order, _verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts import static

DOCS = Path(__file__).parents[2] / "docs"


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    part = (DOCS / page).read_text("utf-8").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_kind_with_a_rule_is_on_the_page_and_no_other():
    tables = rows("verdicts.md", "Kubernetes' own kinds") + rows("verdicts.md", "Operators' kinds")
    named = [kind for cells in tables for kind in re.findall(r"`(\w+)`", cells[0])]
    ruled = sorted(kind for (_group, kind), rule in _verdict.RULES.items() if rule is not static.exists)
    assert sorted(named) == ruled


def test_the_order_on_the_page_is_the_order_of_the_engine():
    stages = _order._STAGES
    listed = [cells[1] for cells in rows("engine.md", "Order")]
    assert len(listed) == len(stages)
    for text, kinds in zip(listed, stages, strict=True):
        assert not kinds or text.split(", ") == list(kinds)
