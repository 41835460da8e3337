# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The result of a rollout, as the task returns it."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _diff, _effects
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item, counts
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Change, Status, Verdict

_WORST_FIRST = (Status.FAILED, Status.TERMINATING, Status.NOT_FOUND, Status.IN_PROGRESS, Status.CURRENT)
_CHANGES = frozenset({Change.CREATED, Change.CONFIGURED, Change.DELETED})


def overall(statuses: Sequence[Status]) -> Status:
    """The worst status; nothing at all is current."""
    for status in _WORST_FIRST:
        if status in statuses:
            return status
    return Status.CURRENT


def build(request: Request, items: List[Item], warnings: List[str], seconds: float) -> Dict[str, Any]:
    """Build the task's result."""
    statuses = [item.verdict.status for item in items if item.verdict is not None and not item.leaving]
    relevant = statuses if request.present else [status for status in statuses if status is not Status.NOT_FOUND]
    report: Dict[str, Any] = {
        "changed": any(item.change in _CHANGES for item in items),
        "component": request.component,
        "objects": [{**item.to_result(), **_effects.of(item)} for item in items],
        "counts": counts(items),
        "verdict": overall(relevant).value,
        "seconds": round(seconds, 3),
        "warnings": warnings
        + ["%s: %s" % (item.id, item.note) for item in items if item.note and (item.force or item.notable)],
    }
    if request.diff:
        report["diff"] = [entry for entry in (_diff.entry(item) for item in items) if entry]
    return report


def of_failed(result: Dict[str, Any]) -> Dict[str, Any]:
    """The result of a run that ended in an error: nothing about it is current, whatever its objects are."""
    return {**result, "verdict": Status.FAILED.value} if result["verdict"] == Status.CURRENT.value else result


def with_claims(items: Sequence[Item]) -> List[Item]:
    """The items with the claims that grow for them, which the set doesn't list."""
    for item in items:
        for grown in item.claims:
            grown.leaving, grown.verdict = True, Verdict(Status.CURRENT, grown.note)
            if item.change is Change.SKIPPED and grown.applied is None:
                grown.change, grown.note = Change.SKIPPED, "not written"
    return [one for item in items for one in [*item.claims, item]]


def unfinished(request: Request, items: Sequence[Item]) -> str:
    """The sentence for a set that didn't get there."""
    wanted = Status.CURRENT if request.present else Status.NOT_FOUND
    left = [item for item in items if item.verdict is not None and item.verdict.status is not wanted]
    if not request.present:
        left = [item for item in left if item.change is Change.DELETED]
    failed = any(item.verdict is not None and item.verdict.terminal for item in left)
    done = "current" if request.present else "gone"
    when = "" if failed else " within %g s" % request.wait_timeout
    lines = ["%s: %d of %d objects did not become %s%s." % (request.component, len(left), len(items), done, when)]
    # What has failed is the cause; what waits for it comes after.
    for item in sorted(left, key=lambda i: _WORST_FIRST.index(i.verdict.status) if i.verdict else 0):
        if item.verdict is not None:
            reason = item.verdict.reason or "no reason is known"
            lines.append("- %s: %s: %s" % (item.id, item.verdict.status.value, reason))
    return "\n".join(lines)
