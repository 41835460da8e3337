# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A node comes back: from its reboot, into service, or not at all."""

from __future__ import annotations

from typing import Callable, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import node, record
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes.job import (
    PAUSE,
    Job,
    Result,
    held,
    result,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object


def returned(job: Job) -> Result:
    """Wait until the node has booted anew and is ready."""
    live = node.get(job.client, job.name)
    found = record.of(live)
    if found is None:
        raise RolloutError("Node %s is in no maintenance: nobody knows which boot it should come back from." % job.name)
    if job.check:
        return result(job, live, found.state)
    job = held(job)
    boot = found.boot

    def fault(again: Object) -> str:
        if boot and record.boot_id(again) == boot:
            return "it has not booted anew (boot %s)" % boot
        return "" if record.ready(again) else "it has booted, and its kubelet doesn't report it as ready"

    live = _await(job, fault, "has not come back from its reboot")
    return result(job, live, found.state)


def released(job: Job) -> Result:
    """Wait until the node is well, then give it back."""
    live = node.get(job.client, job.name)
    if record.of(live) is None:
        return result(job, live, "in_service")
    if job.check:
        return result(job, live, "in_service", changed=True)
    job = held(job)
    cordoned = bool(result(job, live, "")["cordoned_by_us"])
    node.change(job.client, job.name, _labels_back)
    _await(job, _well(job), "is not fit to take work")
    live = node.change(job.client, job.name, given_back)
    return {**result(job, live, "in_service", changed=True), "cordoned_by_us": cordoned}


def failed(job: Job) -> Result:
    """Keep the node cordoned, with the reason on it for whoever looks."""
    reason = str(job.options.get("reason") or "no reason was given")
    live = node.get(job.client, job.name)
    before = record.of(live)
    if job.check:
        return result(job, live, record.FAILED, changed=True)
    changed = before is not None and (before.state, before.reason) != (record.FAILED, reason)
    live = node.change(job.client, job.name, mark(record.FAILED, reason))
    if changed or before is None:
        what = before.what if before else str(job.options.get("what") or "")
        node.tell(job.client, live, "MaintenanceFailed", "%s: %s" % (what, reason) if what else reason)
    return result(job, live, record.FAILED, changed=changed)


def mark(state: str, reason: str = "") -> Callable[[Object], Optional[node.Patch]]:
    """The patch by which a node in maintenance gets to another state."""

    def decide(found: Object) -> Optional[node.Patch]:
        before = record.of(found)
        if before is None or (before.state, before.reason) == (state, reason):
            return None
        return {"metadata": {"annotations": before.becomes(state=state, reason=reason).annotations}}

    return decide


def given_back(found: Object) -> Optional[node.Patch]:
    """Uncordon only what we cordoned; labels become what they were."""
    before = record.of(found)
    if before is None:
        return None
    patch: node.Patch = {"metadata": {"annotations": dict(record.GONE), "labels": dict(before.labels)}}
    return {**patch, "spec": {"unschedulable": None}} if before.cordoned else patch


def _labels_back(found: Object) -> Optional[node.Patch]:
    """What holds GPUs comes back first: without a device plugin no GPU is offered."""
    before = record.of(found)
    wanted = dict(before.labels) if before else {}
    return {"metadata": {"labels": wanted}} if any(record.label(found, key) != wanted[key] for key in wanted) else None


def _well(job: Job) -> Callable[[Object], str]:
    expected = int(job.options.get("expected_gpus") or 0)

    def fault(live: Object) -> str:
        if not record.ready(live):
            return "its kubelet doesn't report it as ready"
        offered = record.allocatable(live)
        return "it offers %d of %d GPUs" % (offered, expected) if offered < expected else ""

    return fault


def _await(job: Job, fault: Callable[[Object], str], what: str) -> Object:
    timeout = float(job.options["ready_timeout"])
    deadline = job.clock.now() + timeout
    while True:
        live = node.get(job.client, job.name)
        why = fault(live)
        if not why:
            return live
        if job.clock.now() >= deadline:
            text = "Node %s %s within %g s: %s. It stays cordoned." % (job.name, what, timeout, why)
            raise RolloutError(text, {"node": job.name, "state": "failed"})
        job.clock.sleep(PAUSE)
