# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Delete objects stage by stage, last stage first, each gone before the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, FrozenSet, List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _data_kinds,
    _finalizers,
    _live,
    _order,
    _parallel,
    _wait,
    _writes,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import NO_ACCESS, Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Change,
    Emit,
    Status,
    Verdict,
)

_LEAVES: FrozenSet[str] = frozenset({"ConfigMap", "Secret", "ServiceAccount", "Service", "Role", "RoleBinding", "Pod"})
"""Kinds that nothing depends on by owner: they needn't wait for the garbage collector."""


def run(client: EngineClient, request: Request, doomed: Sequence[Item], emit: Emit, clock: Callable[[], float]) -> None:
    """Delete and, if asked to, wait. A stage that doesn't go stops those before it; verdicts say why."""
    deadline = clock() + request.wait_timeout
    for group in reversed(_order.stages([(item.id, item) for item in doomed])):
        _parallel.each(lambda item: _delete(client, item), group)
        refused = [item for item in group if item.verdict is not None and item.verdict.terminal]
        emit("deleting %s" % (group[0].id if len(group) == 1 else "%d objects" % len(group)))
        if request.wait:
            going = [item for item in group if item not in refused]
            _await(client, request, going, emit, max(1.0, deadline - clock()))
        if refused or not gone(group):
            _unreached(doomed)
            return


def _unreached(doomed: Sequence[Item]) -> None:
    for item in doomed:
        if item.verdict is None:
            item.change, item.note = Change.SKIPPED, "not deleted yet: what goes before it isn't gone"


def gone(items: Sequence[Item]) -> bool:
    """Whether all are gone, or nobody waited."""
    return all(item.verdict is None or item.verdict.status is Status.NOT_FOUND for item in items)


def _await(client: EngineClient, request: Request, group: Sequence[Item], emit: Emit, seconds: float) -> None:
    targets = [_wait.Target(item.resource, item.id) for item in group if item.resource is not None]
    outcomes = _wait.wait_for(
        client, targets, timeout=seconds, emit=emit, conditions=request.conditions, expect_absent=True
    )
    by_id = {outcome.id: outcome for outcome in outcomes}
    for item in group:
        outcome = by_id.get(item.id)
        if outcome is not None:
            item.seconds, item.verdict = outcome.seconds, _explained(client, item, outcome.verdict)


def _explained(client: EngineClient, item: Item, verdict: Verdict) -> Verdict:
    """The verdict with who has to do what."""
    if verdict.status is Status.NOT_FOUND:
        return verdict
    live = _live.get(client, item.path())
    if live is None:
        return Verdict(Status.NOT_FOUND)
    text = _finalizers.explain(client, live)
    return replace(verdict, reason="being deleted, held by %s" % text) if text else verdict


def _delete(client: EngineClient, item: Item) -> None:
    metadata = (item.live or {}).get("metadata") or {}
    if metadata.get("deletionTimestamp"):
        return
    policy = "Background" if item.id.kind in _LEAVES else "Foreground"
    try:
        _writes.delete(client, item.path(), {"uid": metadata.get("uid")}, policy)
    except ApiError as error:
        answer = classify(error)
        if answer in NO_ACCESS:
            raise
        if answer not in (Answer.NOT_FOUND, Answer.STALE):
            hint = ": is the operator gone that serves this webhook? Then delete its webhook configuration first"
            more = hint if answer is Answer.WEBHOOK else ""
            item.verdict = Verdict(
                Status.FAILED, "deleting it was refused: %s%s" % (error.message, more), terminal=True
            )


def kept_for_data(item: Item) -> str:
    """Why an object stays, unless it was permitted by name to go; empty where it may go."""
    data = _data_kinds.why(item.id, item.live)
    if not data or item.may_delete_data:
        return ""
    return "kept: %s; %s permits it" % (data, item.permit("delete_data"))


def leftovers(doomed: Sequence[Item]) -> List[Item]:
    """Those that should be gone and aren't."""
    return [item for item in doomed if item.verdict is not None and item.verdict.status is not Status.NOT_FOUND]
