# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Pod."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    Condition,
    Table,
    conditions,
    current,
    dig,
    failed,
    hopeless,
    in_progress,
    number,
    plural,
    text,
)


def _counts(wanted: int, *counts: Tuple[int, str]) -> Optional[Verdict]:
    """The first count that falls short of what is wanted."""
    for count, word in counts:
        if count < wanted:
            return in_progress("%d of %s %s" % (count, plural(wanted, "pod"), word))
    return None


def deployment(obj: Object, children: Sequence[Object]) -> Verdict:
    """All pods are of the newest template and available, and no old one is left."""
    found = conditions(obj)
    progressing = found.get("Progressing")
    if progressing and progressing.reason == "ProgressDeadlineExceeded":
        return hopeless("made no progress within spec.progressDeadlineSeconds")
    wanted = number(obj, "spec", "replicas", default=1)
    updated = number(obj, "status", "updatedReplicas")
    total = number(obj, "status", "replicas")
    if updated < wanted and dig(obj, "spec", "paused") is True:
        return failed("paused with %d of %s updated: clear spec.paused to go on" % (updated, plural(wanted, "pod")))
    short = _counts(wanted, (updated, "updated"))
    if short is None and total > updated:
        left = "%s to be removed" % plural(total - updated, "old pod")
        if dig(obj, "spec", "paused") is True:
            return failed("paused with %s: clear spec.paused to go on" % left)
        short = in_progress(left)
    short = short or _counts(updated, (number(obj, "status", "availableReplicas"), "available"))
    if short is None:
        return _denied(progressing, found.get("Available")) or current()
    failure = found.get("ReplicaFailure")
    return failed(failure.said) if failure and failure.true else short


def _denied(*found: Optional[Condition]) -> Optional[Verdict]:
    """What a condition denies although all counts are reached."""
    for condition in found:
        if condition is not None and condition.status == "False":
            return in_progress("%s is False%s" % (condition.type, ": " + condition.said if condition.said else ""))
    return None


def stateful_set(obj: Object, children: Sequence[Object]) -> Verdict:
    """All pods at or above the partition are of the update revision, and all are ready."""
    wanted = number(obj, "spec", "replicas", default=1)
    available = min(
        number(obj, "status", "readyReplicas"),
        number(obj, "status", "availableReplicas", default=wanted),
    )
    short = _counts(wanted, (number(obj, "status", "replicas"), "created"), (available, "available"))
    if short:
        return short
    extra = number(obj, "status", "replicas") - wanted
    if extra > 0:
        return in_progress("%s to be removed" % plural(extra, "surplus pod"))
    if text(obj, "status", "currentRevision") == text(obj, "status", "updateRevision"):
        return current()
    updated = number(obj, "status", "updatedReplicas")
    if text(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return _on_delete(wanted - updated)
    partition = number(obj, "spec", "updateStrategy", "rollingUpdate", "partition")
    short = _counts(wanted - partition, (updated, "updated"))
    if short is None and partition:
        return current("%s below the partition stay as they are" % plural(min(partition, wanted), "pod"))
    return short or current()


def _on_delete(behind: int) -> Verdict:
    """With OnDelete an update waits for a person."""
    if behind <= 0:
        return current()
    pods = plural(behind, "pod")
    return failed("%s of the former revision: update strategy OnDelete replaces a pod when it is deleted" % pods)


def daemon_set(obj: Object, children: Sequence[Object]) -> Verdict:
    """Every node that matches runs an available pod of the newest template, and at least one node matches."""
    if dig(obj, "status", "desiredNumberScheduled") is None:
        return in_progress("its controller has not counted the nodes yet")
    wanted = number(obj, "status", "desiredNumberScheduled")
    if wanted == 0:
        return failed("no node matches its node selector, affinity and tolerations")
    ready = number(obj, "status", "numberReady", default=wanted)
    available = (min(ready, number(obj, "status", "numberAvailable")), "available")
    updated = number(obj, "status", "updatedNumberScheduled")
    if text(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return _counts(wanted, available) or _on_delete(wanted - updated)
    return _counts(wanted, (updated, "updated"), available) or current()


def replica_set(obj: Object, children: Sequence[Object]) -> Verdict:
    """All pods are available."""
    wanted = number(obj, "spec", "replicas", default=1)
    ready = number(obj, "status", "readyReplicas", default=wanted)
    short = _counts(
        wanted,
        (number(obj, "status", "fullyLabeledReplicas"), "labelled"),
        (min(ready, number(obj, "status", "availableReplicas")), "available"),
    )
    failure = conditions(obj).get("ReplicaFailure")
    refused = failure.said or "ReplicaFailure" if failure and failure.true else ""
    if short:
        return failed(refused) if refused else short
    extra = number(obj, "status", "replicas") - wanted
    if extra > 0:
        return in_progress("%s to be removed" % plural(extra, "surplus pod"))
    return in_progress(refused) if refused else current()


def pod(obj: Object, children: Sequence[Object]) -> Verdict:
    """Ready, or finished well where it is allowed to finish."""
    phase = text(obj, "status", "phase")
    found = conditions(obj)
    if phase == "Succeeded":
        return current("finished")
    if phase == "Failed":
        said = ": ".join(part for part in (text(obj, "status", "reason"), text(obj, "status", "message")) if part)
        return hopeless("ended in failure" + (": " + said if said else ""))
    if phase == "Running":
        ready = found.get("Ready")
        return current() if ready and ready.true else in_progress("runs, and isn't ready")
    if phase == "Unknown":
        return in_progress("its node doesn't answer")
    scheduled = found.get("PodScheduled")
    if scheduled and scheduled.status == "False":
        return in_progress(scheduled.said or "not scheduled")
    return in_progress("pending")


OBSERVED = {("apps", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")}
"""Kinds whose controller always writes status.observedGeneration: without it nobody has looked."""

RULES: Table = {
    ("apps", "Deployment"): deployment,
    ("apps", "StatefulSet"): stateful_set,
    ("apps", "DaemonSet"): daemon_set,
    ("apps", "ReplicaSet"): replica_set,
    ("", "ReplicationController"): replica_set,
    ("", "Pod"): pod,
}
