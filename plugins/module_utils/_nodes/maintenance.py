# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Take a node out of service and give it back: each state may be asked for again after any interruption."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _login_client
from ansible_collections.openhands.gpu_observability.plugins.module_utils._apply import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._connection_errors import explain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._leases import Leases
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import busy as busy_of
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import (
    drain,
    fleet,
    lease,
    node,
    record,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import pods as pods_of
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object

PAUSE = 2.0
"""Seconds between two looks at what is waited for."""

Result = Dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One call of the module."""

    client: EngineClient
    options: Mapping[str, Any]
    check: bool
    clock: Clock
    wall: Callable[[], dt.datetime]
    choice: pods_of.Choice = field(default_factory=pods_of.Choice)
    limits: busy_of.Limits = field(default_factory=busy_of.Limits)

    @property
    def name(self) -> str:
        """The node's."""
        return str(self.options["node"])

    @property
    def run(self) -> str:
        """Whose maintenance it is."""
        return lease.run_of(str(self.options.get("run") or ""))

    @property
    def stamp(self) -> str:
        """Now."""
        return self.wall().strftime("%Y-%m-%dT%H:%M:%SZ")


def run(
    options: Mapping[str, Any],
    check: bool = False,
    *,
    environ: Optional[Mapping[str, str]] = None,
    client: Optional[EngineClient] = None,
    clock: Optional[Clock] = None,
    wall: Optional[Callable[[], dt.datetime]] = None,
) -> Result:
    """Bring a node to a state. Raises RolloutError that says what stands in the way and what is as it was."""
    asked, endpoint = _login_client.opened(options, environ, client)
    choice, limits = _choice(options.get("drain") or {}), _limits(options)
    job = Job(asked, options, check, clock or Clock(), wall or _now, choice, limits)
    try:
        return STATES[str(options["state"])](job)
    except ApiError as error:
        raise explain(error, endpoint) from error


def _now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)


def _choice(wish: Mapping[str, Any]) -> pods_of.Choice:
    known = pods_of.Choice.__dataclass_fields__
    return pods_of.Choice(**{key: value for key, value in wish.items() if key in known and value is not None})


def _limits(options: Mapping[str, Any]) -> busy_of.Limits:
    budget = str(options.get("budget") or "")
    if not re.fullmatch(r"(\d+%?)?", budget):
        raise RolloutError('budget is "%s"; give a number of nodes, or a percentage such as 10%%.' % budget)
    return busy_of.Limits(
        budget=budget,
        selector=str(options.get("fleet") or ""),
        ceph=options.get("ceph") != "ignore",
        domain=str(options.get("failure_domain") or busy_of.Limits.domain),
    )


def _result(job: Job, live: Object, state: str, changed: bool = False, **more: Any) -> Result:
    found = record.of(live)
    return {
        "changed": changed,
        "node": job.name,
        "state": state,
        "cordoned_by_us": bool(found and found.cordoned),
        "evicted": [],
        "busy": "",
        **more,
    }


def _lease(job: Job) -> Leases:
    options = job.options
    return lease.leases(job.client, str(options["namespace"]), job.run, float(options["lease_seconds"]))


def inspected(job: Job) -> Result:
    """Say what draining would do; writes nothing."""
    seen = busy_of.look(job.client, job.name, job.choice, job.limits)
    found = record.of(seen.node)
    state = found.state if found else "in_service"
    return _result(job, seen.node, state, busy="; ".join(seen.busy), would_evict=seen.leaving)


def drained(job: Job) -> Result:
    """Cordon and empty the node, or say why it is left alone."""
    if job.check:
        return {**inspected(job), "changed": True}
    lease.hold(_lease(job), job.wall)
    seen = _patiently(job)
    before = record.of(seen.node)
    if seen.busy:
        return _left_alone(job, before, "; ".join(seen.busy), would_evict=seen.leaving)
    if before is not None and before.state == record.DRAINED and not seen.leaving:
        return _result(job, node.change(job.client, job.name, lambda found: _resumed(job, found)), record.DRAINED)
    node.change(job.client, job.name, lambda found: _cordon(job, found))
    # Another host of the same batch may have gone at the same moment.
    over = fleet.over_budget(job.name, _others(job), job.limits.budget)
    if over and before is None:
        return _left_alone(job, before, over)
    wish = job.options.get("drain") or {}
    timeout, grace = float(wish.get("timeout") or 600), wish.get("grace")
    outcome = drain.empty(job.client, job.name, job.choice, timeout=timeout, grace=grace, clock=job.clock)
    if outcome.left:
        why = "not empty after %g s: %s" % (timeout, "; ".join(outcome.left))
        return _left_alone(job, before, why, changed=True, evicted=outcome.evicted)
    live = node.change(job.client, job.name, _mark(record.DRAINED))
    return _result(job, live, record.DRAINED, changed=True, evicted=outcome.evicted)


def _others(job: Job) -> Any:
    return node.every(job.client, job.limits.selector) if job.limits.budget else []


def _patiently(job: Job) -> busy_of.Look:
    """Look; where that is wished, again and again until nothing keeps the node busy or the time is over."""
    wish = job.options.get("drain") or {}
    patience = float(wish.get("wait_timeout") or 0) if wish.get("busy") == "wait" else 0.0
    deadline = job.clock.now() + patience
    while True:
        seen = busy_of.look(job.client, job.name, job.choice, job.limits)
        if not seen.busy or job.clock.now() >= deadline:
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


def _mark(state: str, reason: str = "") -> Callable[[Object], Optional[node.Patch]]:
    def decide(found: Object) -> Optional[node.Patch]:
        before = record.of(found)
        if before is None or (before.state, before.reason) == (state, reason):
            return None
        return {"metadata": {"annotations": before.becomes(state=state, reason=reason).annotations}}

    return decide


def _left_alone(job: Job, before: Optional[record.Record], why: str, **more: Any) -> Result:
    """Give a node back that nothing was done to yet; one whose driver an earlier run changed stays cordoned."""
    touched = before is not None and before.state in (record.DRAINED, record.FAILED)
    decide = _mark(before.state, before.reason) if before is not None and touched else _given_back
    live = node.change(job.client, job.name, decide)
    return _result(job, live, "busy", busy=why, **more)


def _given_back(found: Object) -> Optional[node.Patch]:
    """Uncordon only what we cordoned; labels become what they were."""
    before = record.of(found)
    if before is None:
        return None
    patch: node.Patch = {"metadata": {"annotations": dict(record.GONE), "labels": dict(before.labels)}}
    return {**patch, "spec": {"unschedulable": None}} if before.cordoned else patch


def released(job: Job) -> Result:
    """Wait until the node is well, then give it back."""
    live = node.get(job.client, job.name)
    if record.of(live) is None:
        return _result(job, live, "in_service")
    if job.check:
        return _result(job, live, "in_service", changed=True)
    lease.hold(_lease(job), job.wall)
    cordoned = bool(_result(job, live, "")["cordoned_by_us"])
    live = node.change(job.client, job.name, _labels_back)
    _await(job, _well(job), "is not fit to take work")
    live = node.change(job.client, job.name, _given_back)
    return {**_result(job, live, "in_service", changed=True), "cordoned_by_us": cordoned}


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


def returned(job: Job) -> Result:
    """Wait until the node has booted anew and is ready."""
    live = node.get(job.client, job.name)
    found = record.of(live)
    if found is None:
        raise RolloutError("Node %s is in no maintenance: nobody knows which boot it should come back from." % job.name)
    if job.check:
        return _result(job, live, found.state)
    lease.hold(_lease(job), job.wall)
    boot = found.boot

    def fault(again: Object) -> str:
        if boot and record.boot_id(again) == boot:
            return "it has not booted anew (boot %s)" % boot
        return "" if record.ready(again) else "it has booted, and its kubelet doesn't report it as ready"

    live = _await(job, fault, "has not come back from its reboot")
    return _result(job, live, found.state)


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


def failed(job: Job) -> Result:
    """Keep the node cordoned, with the reason on it for whoever looks."""
    reason = str(job.options.get("reason") or "no reason was given")
    live = node.get(job.client, job.name)
    before = record.of(live)
    if job.check:
        return _result(job, live, record.FAILED, changed=True)
    changed = before is not None and (before.state, before.reason) != (record.FAILED, reason)
    live = node.change(job.client, job.name, _mark(record.FAILED, reason))
    if changed or before is None:
        what = before.what if before else str(job.options.get("what") or "")
        node.tell(job.client, live, "MaintenanceFailed", "%s: %s" % (what, reason) if what else reason)
    return _result(job, live, record.FAILED, changed=changed)


def ended(job: Job) -> Result:
    """Let the next run begin."""
    changed = not job.check and lease.give_back(_lease(job))
    return {"changed": changed, "node": job.name, "state": "ended", "cordoned_by_us": False, "evicted": [], "busy": ""}


STATES: Dict[str, Callable[[Job], Result]] = {
    "inspected": inspected,
    "drained": drained,
    "returned": returned,
    "released": released,
    "failed": failed,
    "ended": ended,
}
