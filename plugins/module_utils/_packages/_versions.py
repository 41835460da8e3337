# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Order of Debian versions, as dpkg defines it (deb-version(7)): epoch, upstream version, revision."""

from __future__ import annotations

import re
from functools import cmp_to_key
from typing import Iterable, List, Tuple


def compare(left: str, right: str) -> int:
    """Negative, zero or positive, as ``dpkg --compare-versions`` tells."""
    one, other = _parts(left), _parts(right)
    if one[0] != other[0]:
        return one[0] - other[0]
    return _compare_part(one[1], other[1]) or _compare_part(one[2], other[2])


def newest_first(versions: Iterable[str]) -> List[str]:
    """Each version once, the newest first."""
    return sorted(set(versions), key=cmp_to_key(compare), reverse=True)


def upstream(version: str) -> str:
    """The driver's own version in that of a package: ``3:580.95.05-1.el9`` -> ``580.95.05``."""
    return re.split(r"[-+~]", version.rpartition(":")[2], maxsplit=1)[0]


def _parts(version: str) -> Tuple[int, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon or not epoch.isdigit():
        epoch, rest = "0", version
    main, dash, revision = rest.rpartition("-")
    return (int(epoch), main, revision) if dash else (int(epoch), rest, "")


def _rank(char: str) -> int:
    """A tilde sorts before the end, letters before all other characters."""
    if char == "~":
        return -1
    if not char or char.isdigit():
        return 0
    return ord(char) if char.isalpha() else ord(char) + 256


def _compare_part(left: str, right: str) -> int:
    while left or right:
        words = [re.match(r"[^0-9]*", side) for side in (left, right)]
        one, other = (word.group() if word else "" for word in words)
        for index in range(max(len(one), len(other))):
            difference = _rank(one[index : index + 1]) - _rank(other[index : index + 1])
            if difference:
                return difference
        left, right = left[len(one) :], right[len(other) :]
        digits = [re.match(r"[0-9]*", side) for side in (left, right)]
        first, second = (number.group() if number else "" for number in digits)
        if int(first or 0) != int(second or 0):
            return int(first or 0) - int(second or 0)
        left, right = left[len(first) :], right[len(second) :]
    return 0
