# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Objects that left the set: deleted once the new set is current, and nothing that holds data."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Sequence, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _deletion,
    _inventory,
    _owner,
    _permissions,
    _recorded,
    _transform,
    _verdict,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._parallel import each
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import INVENTORY_PREFIX, Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Change,
    Emit,
    ObjectId,
    Status,
)

SHOWN = 20
"""Kept objects that a warning names; more are counted."""


def plan(client: EngineClient, request: Request, recorded: Sequence[Entry], items: Sequence[Item]) -> List[Item]:
    """Items for what the record lists, the set no longer has and the cluster still has: deleted or skipped with why."""
    wanted = {item.id for item in items}
    left = [entry for entry in recorded if entry.id not in wanted and not _recorded.unknown(client, entry)]
    if not left:
        return []
    # By their own names: an object may be served under two groups, and is still one.
    uids = {item.uid for item in items} - {""}
    leaving = [_recorded.item_of(client, entry) for entry in left]
    each(lambda item: _recorded.read(client, item), leaving)
    found = [(item, entry) for item, entry in zip(leaving, left) if item.live is not None]
    moved = _on_other_records(client, request) if found else {}
    for item, entry in found:
        item.leaving = True
        item.may_delete_data = _permissions.may_delete_data(item, request)
        item.verdict = _verdict.assess(item.live or {}, (), request.conditions)
        _decide(item, entry, request, uids, moved)
    return [item for item, _entry in found]


def _decide(item: Item, entry: Entry, request: Request, uids: Set[str], moved: Dict[ObjectId, str]) -> None:
    """Deleted, or skipped and why; what isn't ours any more leaves the record too."""
    live = item.live or {}
    item.change = Change.SKIPPED
    foreign = _recorded.not_ours(live, request.component, entry)
    if live["metadata"].get("uid") in uids:
        item.note, item.forgotten = "it is still in the set, under another API group", True
    elif foreign:
        item.note, item.forgotten = "left alone: %s" % foreign, True
    elif item.id in moved:
        item.note = "left alone: it is on record of the component %s too" % moved[item.id]
    elif _owner.controller_of(live):
        item.note = "left alone: it goes with %s, which owns it" % _owner.controller_of(live)
    elif not request.prune:
        item.note = "kept: prune is off"
    elif _deletion.kept_for_data(item):
        item.note = _deletion.kept_for_data(item)
    else:
        item.change, item.verdict = Change.DELETED, None


def _on_other_records(client: EngineClient, request: Request) -> Dict[ObjectId, str]:
    """What other components have on record in the same namespace, and which of them."""
    path = "/api/v1/namespaces/%s/configmaps" % request.inventory_namespace
    query = {"labelSelector": "app.kubernetes.io/managed-by=%s" % _transform.MANAGED_BY}
    try:
        records = client.get(path, query).get("items") or []
    except ApiError as error:
        if classify(error) is Answer.FORBIDDEN:
            return {}
        raise
    found: Dict[ObjectId, str] = {}
    for body in records:
        component = (body["metadata"].get("labels") or {}).get(_transform.COMPONENT_LABEL)
        if component == request.component or not body["metadata"]["name"].startswith(INVENTORY_PREFIX):
            continue
        for entry in _inventory.decode(body, lenient=True):
            found[entry.id] = str(component)
    return found


def warnings(leaving: Sequence[Item]) -> List[str]:
    """What stays though it left the set, and why, in every run."""
    kept = ["%s (%s)" % (item.id, item.note) for item in leaving if item.change is Change.SKIPPED]
    more = "; and %d more" % (len(kept) - SHOWN) if len(kept) > SHOWN else ""
    return (
        ["No longer part of the set but still in the cluster: %s%s." % ("; ".join(kept[:SHOWN]), more)] if kept else []
    )


def postpone(leaving: Sequence[Item]) -> None:
    """Nothing is deleted while the new set isn't known to be current (as with wait: false)."""
    for item in leaving:
        if item.change is Change.DELETED:
            item.change, item.note = Change.SKIPPED, "kept until a run has seen the new set current"


def run(client: EngineClient, request: Request, leaving: Sequence[Item], emit: Emit, clock: Clock) -> None:
    """Delete, last stage first, and wait until it is gone. Raises RolloutError that says what holds the rest."""
    doomed = [item for item in leaving if item.change is Change.DELETED]
    _deletion.run(client, request, doomed, emit, clock.now)


def check(request: Request, leaving: Sequence[Item]) -> None:
    """Raise RolloutError where something that had to go didn't."""
    stuck = _deletion.leftovers([item for item in leaving if item.change is Change.DELETED])
    if stuck:
        lines = ["- %s: %s" % (item.id, item.verdict.reason) for item in stuck if item.verdict is not None]
        head = "%s: the new set is current, but %d objects that left it are not gone:"
        raise RolloutError("\n".join([head % (request.component, len(stuck)), *lines]))


def stays(leaving: Sequence[Item]) -> FrozenSet[ObjectId]:
    """What stays on record: everything that is still there and still ours."""
    return frozenset(
        item.id
        for item in leaving
        if not item.forgotten
        and not (item.change is Change.DELETED and item.verdict is not None and item.verdict.status is Status.NOT_FOUND)
    )
