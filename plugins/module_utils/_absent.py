# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Take a component away: last stage first, and nothing that holds data."""

from __future__ import annotations

import time
from typing import Callable, Dict, FrozenSet, List, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _drift,
    _inventory,
    _live,
    _order,
    _parallel,
    _prepare,
    _transform,
    _wait,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Change,
    Emit,
    Manifest,
    Object,
    ObjectId,
    Status,
    Verdict,
)

DATA_KINDS: FrozenSet[Tuple[str, str]] = frozenset(
    {
        ("", "PersistentVolumeClaim"),
        ("", "PersistentVolume"),
        ("", "Namespace"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("ceph.rook.io", "CephCluster"),
        ("ceph.rook.io", "CephBlockPool"),
        ("ceph.rook.io", "CephFilesystem"),
        ("ceph.rook.io", "CephObjectStore"),
        ("objectbucket.io", "ObjectBucketClaim"),
    }
)
"""Deleting one of these deletes data, its own or that of everything inside it."""

_LEAVES: FrozenSet[str] = frozenset({"ConfigMap", "Secret", "ServiceAccount", "Service", "Role", "RoleBinding"})
"""Kinds that nothing depends on by owner: they needn't wait for the garbage collector."""

Clock = Callable[[], float]


def plan(client: EngineClient, request: Request) -> List[Item]:
    """Everything that the record lists or the set renders, with what will become of each."""
    rendered, problems = _prepare.prepare(request, client.resource)
    if problems:
        raise InvalidInput(problems)
    items: Dict[ObjectId, Item] = {item.id: item for item in rendered}
    recorded: FrozenSet[ObjectId] = frozenset()
    entries = _inventory.read(client, request.inventory_namespace, request.component) or []
    recorded = frozenset(entry.id for entry in entries)
    for entry in entries:
        if entry.id not in items:
            items[entry.id] = _from_record(client, entry)
    ordered = sorted(items.values(), key=lambda item: -_order.stage(item.id))
    _live.read(client, ordered, request.component)
    for item in ordered:
        item.change, item.note = _decide(item, request.component, item.id in recorded)
        item.verdict = Verdict(Status.NOT_FOUND) if item.live is None else None
    return ordered


def _from_record(client: EngineClient, entry: _inventory.Entry) -> Item:
    metadata = {"name": entry.id.name}
    if entry.id.namespace:
        metadata["namespace"] = entry.id.namespace
    body: Object = {"apiVersion": entry.api_version, "kind": entry.id.kind, "metadata": metadata}
    return Item(Manifest(body, "the record"), entry.id, client.resource(entry.api_version, entry.id.kind))


def _decide(item: Item, component: str, recorded: bool) -> Tuple[Change, str]:
    if item.live is None:
        return Change.UNCHANGED, "already gone"
    if (item.id.group, item.id.kind) in DATA_KINDS:
        return Change.SKIPPED, "kept: deleting a %s deletes data" % item.id.kind
    labels = (item.live.get("metadata") or {}).get("labels") or {}
    ours = labels.get(_transform.COMPONENT_LABEL) == component or (recorded and _drift.own_entry(item.live))
    if not ours:
        return Change.SKIPPED, "kept: this component didn't create it"
    return Change.DELETED, ""


def run(
    client: EngineClient, request: Request, items: Sequence[Item], emit: Emit, clock: Clock = time.monotonic
) -> None:
    """Delete stage by stage, each gone before the next, then the record."""
    deadline = clock() + request.wait_timeout
    doomed = [item for item in items if item.change is Change.DELETED]
    for group in reversed(_order.stages([(item.id, item) for item in doomed])):
        _parallel.each(lambda item: _delete(client, item), group)
        emit("deleting %s" % (group[0].id if len(group) == 1 else "%d objects" % len(group)))
        if not request.wait:
            continue
        targets = [_wait.Target(item.resource, item.id) for item in group if item.resource is not None]
        left = max(1.0, deadline - clock())
        outcomes = _wait.wait_for(
            client, targets, timeout=left, emit=emit, conditions=request.conditions, expect_absent=True
        )
        by_id = {outcome.id: outcome for outcome in outcomes}
        for item in group:
            outcome = by_id.get(item.id)
            if outcome is not None:
                item.verdict, item.seconds = outcome.verdict, outcome.seconds
        if not gone(group):
            return
    if gone(doomed) and _live.get(client, _inventory.path(request.inventory_namespace, request.component)):
        _inventory.remove(client, request.inventory_namespace, request.component)


def gone(items: Sequence[Item]) -> bool:
    """Whether all are gone, or nobody waited."""
    return all(item.verdict is None or item.verdict.status is Status.NOT_FOUND for item in items)


def _delete(client: EngineClient, item: Item) -> None:
    policy = "Background" if item.id.kind in _LEAVES else "Foreground"
    uid = ((item.live or {}).get("metadata") or {}).get("uid")
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": policy,
        "preconditions": {"uid": uid},
    }
    try:
        client.send("DELETE", item.path(), body)
    except ApiError as error:
        if classify(error) not in (Answer.NOT_FOUND, Answer.STALE):
            raise
