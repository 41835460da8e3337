# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One call about one node: its options, and what it answers."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._leases import Leases
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import busy as busy_of
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import lease, record
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import pods as pods_of
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

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


def choice_of(wish: Mapping[str, Any]) -> pods_of.Choice:
    """What the option ``drain`` says of pods."""
    known = pods_of.Choice.__dataclass_fields__
    return pods_of.Choice(**{key: value for key, value in wish.items() if key in known and value is not None})


def limits_of(options: Mapping[str, Any]) -> busy_of.Limits:
    """What else may speak against it. Raises RolloutError."""
    budget = str(options.get("budget") or "")
    if not re.fullmatch(r"(\d+%?)?", budget):
        raise RolloutError('budget is "%s"; give a number of nodes, or a percentage such as 10%%.' % budget)
    return busy_of.Limits(
        budget=budget,
        selector=str(options.get("fleet") or ""),
        ceph=options.get("ceph") != "ignore",
        domain=str(options.get("failure_domain") or busy_of.Limits.domain),
        settle=float(options.get("ceph_timeout") or 0),
    )


def result(job: Job, live: Object, state: str, changed: bool = False, **more: Any) -> Result:
    """The result of a call that leaves the node like this."""
    found = record.of(live)
    return {
        "changed": changed,
        "node": job.name,
        "state": state,
        "cordoned_by_us": bool(found and found.cordoned and record.unschedulable(live)),
        "evicted": [],
        "busy": "",
        "labels": dict(live["metadata"].get("labels") or {}),
        **more,
    }


def lease_of(job: Job) -> Leases:
    """The Lease of the run that calls."""
    options = job.options
    return lease.leases(job.client, str(options["namespace"]), job.run, float(options["lease_seconds"]))


def held(job: Job) -> Job:
    """Take the Lease; whatever waits by this job's clock renews it. Raises Taken, RolloutError and ApiError."""
    lease.hold(lease_of(job), job.wall)
    renewed, often = job.clock.now(), float(job.options["lease_seconds"]) / 3

    def sleep(seconds: float) -> None:
        nonlocal renewed
        job.clock.sleep(seconds)
        if job.clock.now() - renewed >= often:
            lease.hold(lease_of(job), job.wall)
            renewed = job.clock.now()

    return replace(job, clock=Clock(job.clock.now, sleep))
