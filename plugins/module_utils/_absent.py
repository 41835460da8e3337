# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Take a component away: last stage first, and nothing that holds data."""

from __future__ import annotations

import time
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _deletion,
    _inventory,
    _live,
    _order,
    _parallel,
    _permissions,
    _prepare,
    _recorded,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    Change,
    Emit,
    ObjectId,
    Status,
    Verdict,
)

Clock = Callable[[], float]


def plan(client: EngineClient, request: Request) -> List[Item]:
    """Everything that the record lists or the set renders, with what will become of each."""
    rendered, problems = _prepare.prepare(request, client.resource)
    if problems:
        raise InvalidInput(problems)
    items: Dict[ObjectId, Item] = {item.id: item for item in rendered}
    entries = _inventory.read(client, request.inventory_namespace, request.component) or []
    recorded: Dict[ObjectId, Entry] = {entry.id: entry for entry in entries}
    for entry in entries:
        if entry.id not in items:
            items[entry.id] = _recorded.item_of(client, entry)
    ordered = sorted(items.values(), key=lambda item: -_order.stage(item.id))
    _live.read(client, ordered, request.component)
    for item in ordered:
        item.may_delete_data = _permissions.may_delete_data(item, request)
        item.change, item.note = _decide(item, request.component, recorded.get(item.id))
        item.verdict = Verdict(Status.NOT_FOUND) if item.live is None else None
    return ordered


def _decide(item: Item, component: str, entry: Optional[Entry]) -> Tuple[Change, str]:
    if item.live is None:
        return Change.UNCHANGED, "already gone"
    foreign = _recorded.not_ours(item.live, component, entry)
    if foreign:
        item.forgotten = True
        return Change.SKIPPED, "kept: %s" % foreign
    kept = _deletion.kept_for_data(item)
    return (Change.SKIPPED, kept) if kept else (Change.DELETED, "")


def run(
    client: EngineClient, request: Request, items: Sequence[Item], emit: Emit, clock: Clock = time.monotonic
) -> None:
    """Delete stage by stage, each gone before the next; then nothing stays on record but what was kept."""
    doomed = [item for item in items if item.change is Change.DELETED]
    _deletion.run(client, request, doomed, emit, clock)
    if not request.wait:
        _parallel.each(lambda item: _recorded.read(client, item), [item for item in doomed if item.verdict is None])
    _settle(client, request, [item for item in items if _on_record(item)])


def _on_record(item: Item) -> bool:
    """Whether something of ours is still there."""
    gone = item.live is None or (item.verdict is not None and item.verdict.status is Status.NOT_FOUND)
    return not gone and not item.forgotten


def _settle(client: EngineClient, request: Request, left: Sequence[Item]) -> None:
    entries = _inventory.read(client, request.inventory_namespace, request.component)
    if entries is None:
        return
    ids = {item.id for item in left}
    rest = [entry for entry in entries if entry.id in ids]
    if not rest:
        _inventory.remove(client, request.inventory_namespace, request.component)
    elif rest != entries:
        _inventory.write(client, request.inventory_namespace, request.component, rest)
