# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a check says, and how the answers of several replicas become one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, Iterable, List, Mapping, Sequence


@dataclass(frozen=True)
class Check:
    """One question with its answer. ``seconds`` is how long it took until the answer was this one."""

    name: str
    ok: bool
    detail: str = ""
    seconds: float = 0.0

    def as_dict(self) -> Dict[str, Any]:
        """Return plain data for a module's result."""
        return asdict(self)


def merge(answers: Mapping[str, Sequence[Check]]) -> List[Check]:
    """Make one check per name out of each replica's; it holds if it holds on every replica that answered it.

    A replica that could not answer has a failing check of its own instead.
    """
    names: List[str] = []
    for checks in answers.values():
        names.extend(check.name for check in checks if check.name not in names)
    return [_merged(name, answers) for name in names]


def _merged(name: str, answers: Mapping[str, Sequence[Check]]) -> Check:
    found = {pod: check for pod, checks in answers.items() for check in checks if check.name == name}
    wrong = {pod: check.detail for pod, check in found.items() if not check.ok}
    if not wrong:
        return Check(name, True, _told({pod: check.detail for pod, check in found.items()}))
    # the same everywhere is said once; one replica alone is named
    everywhere = len(wrong) == len(answers)
    return Check(name, False, _told(wrong) if everywhere else _named(wrong))


def _told(details: Mapping[str, str]) -> str:
    distinct = set(details.values())
    return distinct.pop() if len(distinct) == 1 else _named(details)


def _named(details: Mapping[str, str]) -> str:
    return "; ".join("%s: %s" % pair for pair in details.items())


def timed(checks: Iterable[Check], before: Mapping[str, Check], seconds: float) -> List[Check]:
    """Stamp each check: one that already held keeps its time, the others get ``seconds``."""
    return [
        replace(check, seconds=before[check.name].seconds if _held(check, before) else round(seconds, 1))
        for check in checks
    ]


def _held(check: Check, before: Mapping[str, Check]) -> bool:
    return check.ok and check.name in before and before[check.name].ok


def failures(checks: Iterable[Check]) -> str:
    """Name what doesn't hold, for an error message."""
    return "; ".join("%s (%s)" % (check.name, check.detail) for check in checks if not check.ok)


def shortened(items: Sequence[str], limit: int = 3) -> str:
    """List a few of many."""
    rest = len(items) - limit
    return ", ".join(items[:limit]) + (" and %d more" % rest if rest > 0 else "")
