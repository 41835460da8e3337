# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Rows as aligned columns, for people."""

from __future__ import annotations

from typing import Collection, List, Sequence

Row = Sequence[str]


def aligned(rows: Sequence[Row], numbers: Collection[int] = ()) -> List[str]:
    """A line for each row. numbers: columns that are aligned to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(_cells(row, widths, numbers)).rstrip() for row in rows]


def ruled(
    headings: Row, rows: Sequence[Row], remarks: Sequence[Sequence[str]], numbers: Collection[int] = ()
) -> List[str]:
    """The same below headings and a rule, with each row's remarks indented below it."""
    rule = ["-" * max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    head, *lines = aligned([headings, *rows], numbers)
    found = [head, "  ".join(rule)]
    for line, said in zip(lines, remarks):
        found += [line, *("    " + text for text in said)]
    return found


def _cells(row: Row, widths: Sequence[int], numbers: Collection[int]) -> List[str]:
    padded = enumerate(zip(row, widths))
    return [text.rjust(width) if column in numbers else text.ljust(width) for column, (text, width) in padded]
