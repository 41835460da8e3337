# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Delete an object and create it again, where a field that can't be changed has to change.

A run that breaks in between leaves an object that is missing: the next one creates it, with what others had written
into it, which the record keeps until then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _carry,
    _claims_grow,
    _drift,
    _live,
    _managers,
    _writes,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import (
    NO_ACCESS,
    Answer,
    classify,
    faults,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object, ObjectId
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts.deletion import terminating

FOREGROUND, BACKGROUND, ORPHAN = "Foreground", "Background", "Orphan"
GONE_SECONDS, PAUSE = 180.0, 0.1
"""How long what is deleted may take to go: pods get their grace period."""
STALE_TRIES = 10
STAND_IN = "-recreate-check"


@dataclass(frozen=True)
class Way:
    """What happens to what an object owns while it is away, and what that means for people."""

    policy: str
    consequence: str


_PODS = "all its pods stop before new ones start"
_WAYS: Mapping[str, Way] = {
    # New pods carry other labels: the old ones would run on, owned by nobody.
    "Deployment": Way(FOREGROUND, _PODS),
    "DaemonSet": Way(FOREGROUND, _PODS),
    "ReplicaSet": Way(FOREGROUND, _PODS),
    # Pods keep the host name of the Service that they were made for.
    "StatefulSet": Way(FOREGROUND, _PODS + "; its claims stay"),
    "Job": Way(FOREGROUND, "it runs once more"),
    "Pod": Way(BACKGROUND, "it starts anew"),
    "Service": Way(BACKGROUND, "it gets new addresses and ports, where the set names none"),
    "RoleBinding": Way(BACKGROUND, "its rights are missing for a moment"),
    "ClusterRoleBinding": Way(BACKGROUND, "its rights are missing for a moment"),
    "StorageClass": Way(BACKGROUND, "volumes that exist keep what they were made with"),
    "PriorityClass": Way(BACKGROUND, "pods that exist keep their priority"),
}
_BUILT_IN = Way(BACKGROUND, "it is missing for a moment")
_CUSTOM = Way(FOREGROUND, "what its operator made of it goes first")


def way(identity: ObjectId) -> Way:
    """How an object is recreated."""
    custom = "." in identity.group and not identity.group.endswith(".k8s.io")
    return _CUSTOM if custom else _WAYS.get(identity.kind, _BUILT_IN)


def rehearse(client: EngineClient, item: Item) -> List[Problem]:
    """Dry-run the new object under another name: what is refused is known before anything is deleted."""
    body = _carry.joined(item.wanted, item.kept)
    name = item.id.name[:40].rstrip("-.") + STAND_IN
    body = {**body, "metadata": {**body["metadata"], "name": name}}
    if item.resource is None:
        return []
    try:
        answer = _writes.apply(client, item.resource.path(item.id.namespace, name), body, force=True, dry_run=True)
    except ApiError as error:
        answer_kind = classify(error)
        if answer_kind in (Answer.FORBIDDEN, Answer.NO_DRY_RUN, Answer.NOT_FOUND, Answer.OTHER):
            return []
        if answer_kind is not Answer.INVALID:
            raise
        return [
            item.problem("as a new object: %s" % message, path)
            for path, message in faults(error)
            if path != "metadata.name" and "port is already allocated" not in message
        ]
    metadata = {key: value for key, value in answer["metadata"].items() if key not in ("uid", "resourceVersion")}
    item.planned = {**answer, "metadata": {**metadata, "name": item.id.name}}
    return []


def run(client: EngineClient, item: Item, clock: Clock) -> List[Problem]:
    """Grow its claims, delete it, wait until it is gone, create it again."""
    problems = _claims_grow.run(client, item)
    problems = problems or _delete(client, item) or _await_gone(client, item, clock)
    if problems:
        return problems
    try:
        create(client, item)
    except ApiError as error:
        if classify(error) in NO_ACCESS:
            raise
        text = "was deleted and couldn't be created again: %s; run again, and it is created"
        return [item.problem(text % message, path) for path, message in faults(error)]
    return []


def create(client: EngineClient, item: Item) -> None:
    """Create it with what others had written into it, then give that back to them."""
    item.applied = _writes.apply(client, item.path(), _carry.joined(item.wanted, item.kept), force=True)
    if item.kept is not None:
        _writes.apply(client, item.path(), item.kept, force=True, manager=_managers.KEPT)
        item.applied = _writes.apply(client, item.path(), item.wanted, force=True)


def _delete(client: EngineClient, item: Item) -> List[Problem]:
    """Only the object that was planned for, at the version that was read; a mere report of its state is let pass."""
    known = item.live or {}
    for _try in range(STALE_TRIES):
        metadata: Dict[str, Any] = known["metadata"]
        preconditions = {"uid": metadata.get("uid"), "resourceVersion": metadata.get("resourceVersion")}
        try:
            _writes.delete(client, item.path(), preconditions, item.policy)
            return []
        except ApiError as error:
            answer = classify(error)
            if answer is Answer.NOT_FOUND:
                return []
            if answer is not Answer.STALE:
                return [item.problem("deleting it was refused: %s" % error.message)]
        now = _live.get(client, item.path())
        if now is None:
            return []
        if now["metadata"].get("uid") != metadata.get("uid") or not _same_wish(now, known):
            return [item.problem("was changed by somebody while it was to be deleted and created again: run again")]
        known = now
    return [item.problem("changes all the time: it could not be deleted to be created again")]


def _same_wish(now: Object, known: Object) -> bool:
    """Whether only its controllers wrote about it; who has a generation counts what is asked of it."""
    generation = now["metadata"].get("generation")
    if generation is not None:
        return bool(generation == known["metadata"].get("generation"))
    return _drift.same_content(now, known)


def _await_gone(client: EngineClient, item: Item, clock: Clock) -> List[Problem]:
    uid, deadline = (item.live or {})["metadata"].get("uid"), clock.now() + GONE_SECONDS
    while True:
        now = _live.get(client, item.path())
        if now is None:
            return []
        if now["metadata"].get("uid") != uid:
            return [item.problem("was created by somebody else while it was to be created again: run again")]
        if clock.now() > deadline:
            return [item.problem("is not gone after %d s: %s; run again" % (GONE_SECONDS, terminating(now).reason))]
        clock.sleep(PAUSE)
