# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Why a pod isn't ready, from its status and its events."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import Cause, Code, weightiest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.containers import (
    container_cause,
    missing_reference,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.scheduling import scheduling_cause
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    condensed,
    conditions,
    items,
    text,
)

CONTAINERS = (("initContainerStatuses", "initContainers"), ("containerStatuses", "containers"))


def from_status(pod: Object) -> Optional[Cause]:
    """What the pod's own status tells."""
    scheduled = conditions(pod).get("PodScheduled")
    if scheduled and scheduled.status == "False":
        if scheduled.reason == "SchedulingGated":
            return Cause(Code.UNSCHEDULABLE, "held back by a scheduling gate")
        return scheduling_cause(scheduled.message)
    causes: List[Cause] = []
    for statuses, specs in CONTAINERS:
        by_name: Dict[str, Mapping[str, Any]] = {text(spec, "name"): spec for spec in items(pod, "spec", specs)}
        for status in items(pod, "status", statuses):
            cause = container_cause(status, by_name.get(text(status, "name"), {}))
            if cause:
                causes.append(cause)
    if causes:
        return weightiest(causes)
    if text(pod, "status", "phase") == "Failed":
        parts = (text(pod, "status", "reason"), condensed(text(pod, "status", "message")))
        return Cause(Code.POD_FAILED, "failed" + "".join(": " + part for part in parts if part))
    return None


def _mount(message: str) -> Cause:
    lost = missing_reference(message)
    if lost:
        return Cause(Code.REFERENCE_MISSING, "a volume can't be mounted: %s" % lost)
    return Cause(Code.MOUNT, "a volume can't be mounted: %s" % condensed(message))


EVENTS: Tuple[Tuple[str, Any], ...] = (
    ("FailedMount", _mount),
    ("FailedAttachVolume", _mount),
    ("FailedMapVolume", _mount),
    ("FailedCreatePodSandBox", lambda said: Cause(Code.SANDBOX, "its sandbox can't be made: %s" % condensed(said))),
    ("NetworkNotReady", lambda said: Cause(Code.SANDBOX, "the node's network isn't ready: %s" % condensed(said))),
    ("Unhealthy", lambda said: Cause(Code.NOT_READY, condensed(said[:1].lower() + said[1:]))),
)


def from_events(events: Sequence[Mapping[str, Any]]) -> Optional[Cause]:
    """What the pod's warnings tell, the most telling first. events: the pod's, oldest first."""
    latest = {text(event, "reason"): text(event, "message") for event in events}
    return next((say(latest[reason]) for reason, say in EVENTS if reason in latest), None)


def not_ready(pod: Object) -> Optional[Cause]:
    """The containers that run without being ready."""
    names = [
        text(status, "name")
        for status in items(pod, "status", "containerStatuses")
        if status.get("ready") is not True and "running" in (status.get("state") or {})
    ]
    return Cause(Code.NOT_READY, "container %s runs, and isn't ready" % ", ".join(names)) if names else None
