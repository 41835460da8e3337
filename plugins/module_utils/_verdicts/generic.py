# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Any other kind, by what most controllers write: never current before its controller has looked."""

from __future__ import annotations

from typing import Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    condensed,
    conditions,
    current,
    dig,
    failed,
    hopeless,
    in_progress,
    mapping,
    number,
    text,
)

READY = ("Ready", "Available", "Reconciled", "Synced", "Healthy")
"""Conditions that say a custom resource works, the strongest first."""

PHASES = {
    current: "ready running active available bound healthy succeeded success complete completed deployed"
    " connected synced",
    failed: "failed failure error errored degraded unhealthy invalid",
}
"""Phase words, in lower case, that are not simply progress."""

PHASE_FIELDS = ("phase", "state", "stage")


def judge(obj: Object, reports_status: Optional[bool] = None) -> Verdict:
    """Judge a kind without a rule; reports_status: whether its API has a status at all, None if unknown."""
    status = mapping(obj, "status")
    if not status:
        if reports_status is False:
            return current("its kind reports no status")
        return in_progress("no controller has reported on it yet")
    if dig(obj, "spec", "suspend") is True:
        return in_progress("suspended: spec.suspend holds its controller back")
    return (
        _by_conditions(obj)
        or _by_phase(obj)
        or in_progress(
            "its status has no condition or phase we know: give the rollout a condition for kind %s" % text(obj, "kind")
        )
    )


def _by_conditions(obj: Object) -> Optional[Verdict]:
    found = conditions(obj)
    stalled = found.get("Stalled")
    if stalled and stalled.true:
        return hopeless("stalled: %s" % (stalled.said or "no reason given"))
    generation = number(obj, "metadata", "generation")
    for name in ("Failed", "Failure"):
        condition = found.get(name)
        if condition and condition.true:
            return failed(condition.said or name)
    for name in ("Reconciling", "Progressing"):
        condition = found.get(name)
        if condition and condition.true and "Ready" not in found and "Available" not in found:
            return in_progress(condition.said or name)
    reconciling = found.get("Reconciling")
    if reconciling and reconciling.true:
        return in_progress(reconciling.said or "reconciling")
    known = [found[name] for name in READY if name in found]
    for condition in known:
        if condition.observed_generation is not None and condition.observed_generation < generation:
            return in_progress("its controller has not looked at generation %d yet" % generation)
        if not condition.true:
            said = ": " + condition.said if condition.said else ""
            return in_progress("%s is %s%s" % (condition.type, condition.status, said))
    return current() if known else None


def _by_phase(obj: Object) -> Optional[Verdict]:
    for field in PHASE_FIELDS:
        phase = text(obj, "status", field)
        if not phase:
            continue
        said = "%s %s" % (field, phase)
        message = condensed(text(obj, "status", "message"))
        for verdict, words in PHASES.items():
            if phase.lower() in words.split():
                return verdict(said + (": " + message if message else ""))
        return in_progress(said)
    return None
