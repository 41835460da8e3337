# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Order of RPM versions as rpm defines it (rpm-version(7)): epoch, version, release."""

from __future__ import annotations

import re
from typing import Tuple

_SEGMENT = re.compile(r"[0-9]+|[a-zA-Z]+|~|\^")


def compare(left: str, right: str) -> int:
    """Negative, zero or positive for two ``[epoch:]version[-release]``; a release that one side lacks doesn't count."""
    one, other = split(left), split(right)
    if one[0] != other[0]:
        return one[0] - other[0]
    return _compare_part(one[1], other[1]) or (_compare_part(one[2], other[2]) if one[2] and other[2] else 0)


def split(evr: str) -> Tuple[int, str, str]:
    """Epoch, version and release."""
    epoch, colon, rest = evr.partition(":")
    if not colon:
        epoch, rest = "0", evr
    version, _dash, release = rest.partition("-")
    return int(epoch) if epoch.isdigit() else 0, version, release


def _compare_part(left: str, right: str) -> int:
    one, other = _SEGMENT.findall(left), _SEGMENT.findall(right)
    for first, second in zip(one, other):
        difference = _compare_segment(first, second)
        if difference:
            return difference
    if len(one) == len(other):
        return 0
    longer = 1 if len(one) > len(other) else -1
    extra = (one if longer > 0 else other)[min(len(one), len(other))]
    # A tilde is older than the end; a caret, and anything else, is newer.
    return -longer if extra == "~" else longer


def _compare_segment(first: str, second: str) -> int:
    if first == second:
        return 0
    for mark, rank in (("~", -1), ("^", -1)):
        if mark in {first, second}:
            return rank if first == mark else -rank
    if first.isdigit() and second.isdigit():
        return int(first) - int(second)
    if first.isdigit() or second.isdigit():
        return 1 if first.isdigit() else -1
    return 1 if first > second else -1
