# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A node leaves: nothing keeps it busy, nobody else is out, it is cordoned and emptied."""

from __future__ import annotations

from typing import Any, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import NO_ACCESS, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import busy as busy_of
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import (
    drain,
    node,
    record,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes.job import (
    PAUSE,
    Job,
    Result,
    held,
    result,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes.returning import given_back, mark
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object


def inspected(job: Job) -> Result:
    """Say what draining would do; writes nothing."""
    seen = busy_of.look(job.client, job.name, job.choice, job.limits, job.wall())
    found = record.of(seen.node)
    state = found.state if found else "in_service"
    return result(job, seen.node, state, busy="; ".join(seen.busy), would_evict=seen.leaving)


def drained(job: Job) -> Result:
    """Cordon and empty the node, or say why it is left alone."""
    if job.check:
        return {**inspected(job), "changed": True}
    job = held(job)
    seen = _patiently(job)
    before = record.of(seen.node)
    if seen.busy:
        return _left_alone(job, before, "; ".join(seen.busy), would_evict=seen.leaving)
    if before is not None and before.state == record.DRAINED and not seen.leaving:
        return result(job, node.change(job.client, job.name, lambda found: _resumed(job, found)), record.DRAINED)
    node.change(job.client, job.name, lambda found: _cordon(job, found))
    # Another host of the same batch may have gone at the same moment.
    over = busy_of.meanwhile(job.client, seen, job.limits)
    if over and before is None:
        return _left_alone(job, before, over)
    wish = job.options.get("drain") or {}
    timeout, grace = float(wish.get("timeout") or 600), wish.get("grace")
    try:
        outcome = drain.empty(job.client, job.name, job.choice, timeout=timeout, grace=grace, clock=job.clock)
    except ApiError as error:
        if classify(error) not in NO_ACCESS:
            _left_alone(job, before, "")
        raise
    if outcome.left:
        why = "not empty after %g s: %s" % (timeout, "; ".join(outcome.left))
        return _left_alone(job, before, why, changed=True, evicted=outcome.evicted)
    live = node.change(job.client, job.name, mark(record.DRAINED))
    return result(job, live, record.DRAINED, changed=True, evicted=outcome.evicted)


def _patiently(job: Job) -> busy_of.Look:
    """Look; where that is wished, again and again until nothing keeps the node busy or the time is over.

    Ceph is waited for in any case: after the node before this one it needs its time.
    """
    wish = job.options.get("drain") or {}
    patience = float(wish.get("wait_timeout") or 0) if wish.get("busy") == "wait" else 0.0
    began = job.clock.now()
    while True:
        seen = busy_of.look(job.client, job.name, job.choice, job.limits, job.wall())
        limit = max(patience, job.limits.settle) if seen.settling else patience
        if not seen.busy or job.clock.now() - began >= limit:
            return seen
        job.clock.sleep(PAUSE)


def _cordon(job: Job, found: Object) -> node.Patch:
    """The patch that begins a maintenance, or takes one over that an earlier run began."""
    before = record.of(found)
    paused = {key: str(value) for key, value in (job.options.get("pause") or {}).items()}
    made = before or record.Record(
        record.DRAINING,
        job.run,
        job.stamp,
        cordoned=not record.unschedulable(found),
        labels={key: record.label(found, key) for key in paused},
    )
    made = made.becomes(state=record.DRAINING, run=job.run, what=str(job.options.get("what") or made.what), reason="")
    made = made.becomes(boot=record.boot_id(found))
    return {"metadata": {"annotations": made.annotations, "labels": paused}, "spec": {"unschedulable": True}}


def _resumed(job: Job, found: Object) -> Optional[node.Patch]:
    """The patch by which a run goes on with a node that is empty: a reboot counts from the present boot."""
    before = record.of(found)
    if before is None:
        return None
    made = before.becomes(run=job.run, boot=record.boot_id(found))
    return None if made == before else {"metadata": {"annotations": made.annotations}}


def _left_alone(job: Job, before: Optional[record.Record], why: str, **more: Any) -> Result:
    """Give a node back that nothing was done to yet; one whose driver an earlier run changed stays cordoned."""
    touched = before is not None and before.state in (record.DRAINED, record.FAILED)
    decide = mark(before.state, before.reason) if before is not None and touched else given_back
    live = node.change(job.client, job.name, decide)
    return result(job, live, "busy", busy=why, **more)
