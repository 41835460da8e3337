# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Why a pod isn't ready, from its status and its events."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

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
    mapping,
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


def _small(said: str) -> str:
    """An event's message as part of a sentence."""
    return condensed(said[:1].lower() + said[1:]).rstrip(":")


def _mount(message: str) -> Cause:
    lost = missing_reference(message)
    if lost:
        return Cause(Code.REFERENCE_MISSING, "a volume can't be mounted: %s" % lost)
    return Cause(Code.MOUNT, "a volume can't be mounted: %s" % condensed(message))


Say = Callable[[str], Cause]

TROUBLE: Dict[str, Say] = {
    "FailedMount": _mount,
    "FailedAttachVolume": _mount,
    "FailedMapVolume": _mount,
    "FailedCreatePodSandBox": lambda said: Cause(Code.SANDBOX, "its sandbox can't be made: %s" % condensed(said)),
    "NetworkNotReady": lambda said: Cause(Code.SANDBOX, "the node's network isn't ready: %s" % condensed(said)),
    "Unhealthy": lambda said: Cause(Code.NOT_READY, _small(said)),
    "Pulling": lambda said: Cause(Code.NOT_READY, _small(said)),
}
"""Events that tell why a pod isn't ready yet."""

PROGRESS = ("Pulled", "Created", "Started", "SuccessfulAttachVolume")
"""Events after which the troubles before are over."""


def from_events(events: Sequence[Mapping[str, Any]]) -> Optional[Cause]:
    """What the last telling event tells. events: the pod's, oldest first."""
    for event in reversed(events):
        reason = text(event, "reason")
        if reason in PROGRESS:
            return None
        if reason in TROUBLE:
            return TROUBLE[reason](text(event, "message"))
    return None


def killed_by_probe(events: Sequence[Mapping[str, Any]]) -> str:
    """Which probe had a container killed, as a part of a sentence; empty where none had. events: oldest first."""
    if not any(text(event, "reason") == "Killing" and "probe" in text(event, "message") for event in events):
        return ""
    said = [text(event, "message") for event in events if text(event, "reason") == "Unhealthy"]
    fatal = [message for message in said if message.startswith(("Liveness", "Startup"))]
    return ", killed since its %s" % _small(fatal[-1]) if fatal else ""


def not_ready(pod: Object) -> Optional[Cause]:
    """The containers that aren't ready, whether they run or are being created."""
    for state, words in (("running", "runs, and isn't ready"), ("waiting", "is being created")):
        names = [
            text(status, "name")
            for status in items(pod, "status", "containerStatuses")
            if status.get("ready") is not True and state in mapping(status, "state")
        ]
        if names:
            return Cause(Code.NOT_READY, "container %s %s" % (", ".join(names), words))
    if items(pod, "status", "containerStatuses"):
        return None
    node = text(pod, "spec", "nodeName")
    waits_for = "node %s has not started it yet" % node if node else "no scheduler has looked at it yet"
    return Cause(Code.NOT_READY, waits_for)
