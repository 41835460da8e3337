# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Many host names in few words: gpu[001-128,130].example.com. Pure."""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, Tuple

_NUMBER = re.compile(r"^(.*?)(\d+)(\D*)$")

Key = Tuple[str, str, int]


def folded(names: Iterable[str]) -> List[str]:
    """Names that differ only in their last number become one, in the order of the first of each."""
    groups: Dict[Key, List[int]] = {}
    for name in dict.fromkeys(names):
        found = _NUMBER.match(name)
        if found:
            before, digits, after = found.groups()
            padded = len(digits) if digits.startswith("0") else 0
            groups.setdefault((before, after, padded or _unpadded(groups, before, after, digits)), []).append(
                int(digits)
            )
        else:
            groups.setdefault((name, "", -1), [])
    return [_written(key, sorted(numbers)) for key, numbers in groups.items()]


def _unpadded(groups: Dict[Key, List[int]], before: str, after: str, digits: str) -> int:
    """100 goes with 099, and with 7: a number without a leading zero fits both ways of writing."""
    return len(digits) if (before, after, len(digits)) in groups else 0


def _written(key: Key, numbers: List[int]) -> str:
    before, after, width = key
    if width < 0:
        return before
    runs: List[List[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    if len(numbers) == 1:
        return "%s%0*d%s" % (before, width, numbers[0], after)
    spans = [
        "%0*d" % (width, first) if first == last else "%0*d-%0*d" % (width, first, width, last) for first, last in runs
    ]
    return "%s[%s]%s" % (before, ",".join(spans), after)


def shortened(names: Iterable[str], width: int) -> str:
    """Folded names in at most so many characters; what doesn't fit is counted."""
    known = list(dict.fromkeys(names))
    text = ", ".join(folded(known))
    if len(text) <= width:
        return text
    count = " (%d hosts)" % len(known)
    return text[: max(0, width - len(count) - 3)].rstrip(", -") + "..." + count
