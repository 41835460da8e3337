# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One object through the server's dry run, and what its refusal means for the plan."""

from __future__ import annotations

import re
from typing import FrozenSet, List, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _conflicts,
    _immutable,
    _migrate,
    _writes,
    _yield,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import (
    NO_VERDICT,
    Answer,
    classify,
    faults,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._drift import (
    FIELD_MANAGER,
    compare,
    same_content,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Change,
    Object,
    ObjectId,
)


def check(client: EngineClient, item: Item, coming: FrozenSet[str]) -> List[Problem]:
    """Dry-run one item whose place exists; fill in what it would become.

    coming: names of objects that this set will create, and of hosts that it serves.
    """
    _yield.consider(client, item)
    item.owners = None
    try:
        item.planned = _writes.apply(client, item.path(), item.wanted, force=every_field(item), dry_run=True)
    except ApiError as error:
        return _refused(client, item, error, coming)
    item.change = compare(item.live, item.planned)
    item.deferred = ""
    _move(client, item)
    return []


def host_of(service: ObjectId) -> str:
    """The name under which the API server calls a Service."""
    return "%s.%s.svc" % (service.name, service.namespace)


def every_field(item: Item) -> bool:
    """Whether all of an object may be taken over, whoever has it."""
    return _conflicts.EVERYTHING in item.take_over


def _move(client: EngineClient, item: Item) -> None:
    """Plan to make what people hold of the object ours; what goes with that is seen in the plan already."""
    if item.live is None or item.planned is None:
        return
    planned, adopted = item.planned, item.adopt_from
    # Where something can't be taken away (a template that is fixed), what isn't ours stays theirs.
    for shared, whole in ((_migrate.is_shared(item.id), adopted), (True, frozenset())):
        move = _migrate.plan(item.live, planned, shared, whole)
        if move is None or not move.dropped or _predict(client, item, planned, move):
            break
    for text in _migrate.staying(item.live, planned, move.entries if move else None):
        item.say(text)
        item.notable = True
    if move is None:
        return
    gone = _migrate.names(_migrate.gone(item.live, item.planned, move.dropped))
    if gone:
        item.say("what %s had set goes: %s" % (", ".join(move.managers), ", ".join(gone)))
    elif not item.force:
        item.say("taken over from %s" % ", ".join(move.managers))
    if _migrate.forgets(item.live, move.entries):
        item.planned = _migrate.without_record(item.planned)
    item.owners, item.change, item.notable = move.entries, Change.CONFIGURED, True


def _predict(client: EngineClient, item: Item, planned: Object, move: _migrate.Move) -> bool:
    """Fill in what the object will be without what is dropped; whether the server takes it."""
    operations = _migrate.without_dropped(item.live or {}, planned, move.dropped)
    query = {"fieldManager": FIELD_MANAGER, "dryRun": "All"}
    try:
        item.planned = client.send("PATCH", item.path(), operations, query, _migrate.JSON_PATCH)
    except ApiError as error:
        if classify(error) is not Answer.INVALID:
            raise
        return False
    return True


def _refused(client: EngineClient, item: Item, error: ApiError, coming: FrozenSet[str]) -> List[Problem]:
    answer = classify(error)
    if answer in NO_VERDICT:
        raise error
    if answer is Answer.OWNED:
        return _owned(client, item, error)
    if answer is Answer.NO_DRY_RUN:
        defer(item, "an admission webhook can't dry-run: not checked by the server")
        return []
    if answer is Answer.WEBHOOK and any("//" + name + ":" in error.message for name in coming):
        # Or what is broken in a webhook's own component could never be repaired by rolling that out.
        defer(item, "its admission webhook is served by this set, and doesn't answer yet")
        return []
    awaited = _awaited(item, error, coming)
    if awaited and answer in (Answer.FORBIDDEN, Answer.NOT_FOUND):
        defer(item, "refers to %s, which this set creates" % awaited)
        item.awaits = awaited
        return []
    considered = _immutable.consider(client, item, error)
    return refusals(item, error) if considered is None else considered


def defer(item: Item, why: str) -> None:
    """Mark an item as one that only its apply will check."""
    item.deferred = why
    item.change = Change.CREATED if item.live is None else Change.CONFIGURED


def refusals(item: Item, error: ApiError) -> List[Problem]:
    """One problem for each field that the server names."""
    if classify(error) is Answer.FORBIDDEN:
        return [item.problem("not allowed: %s" % error.message)]
    return [item.problem(message, path) for path, message in faults(error)]


def _owned(client: EngineClient, item: Item, error: ApiError) -> List[Problem]:
    conflicts = _conflicts.read(error)
    try:
        forced = _writes.apply(client, item.path(), item.wanted, force=True, dry_run=True)
    except ApiError as other:
        if classify(other) in NO_VERDICT:
            raise
        return refusals(item, other)
    if item.live is not None and same_content(item.live, forced):
        owners = ", ".join(sorted({conflict.manager for conflict in conflicts}))
        item.say("adopted from %s: the content was the same" % owners)
    else:
        problems = _conflicts.judge(item, conflicts)
        if problems:
            return problems
        item.say(_conflicts.took(conflicts))
    item.planned, item.force, item.change, item.deferred = forced, True, Change.CONFIGURED, ""
    _move(client, item)
    return []


def _awaited(item: Item, error: ApiError, coming: FrozenSet[str]) -> Optional[str]:
    """The name of this set's own that the refusal speaks of; a lack of rights isn't one."""
    if " cannot " in error.message:
        return None
    role = str((item.manifest.body.get("roleRef") or {}).get("name") or "")
    if role in coming:  # such a refusal may name the binding and not the role that it lacks
        return role
    # Every refusal begins with the object's own name, which says nothing of another's.
    about = re.sub(r'^\S+ "%s" (?:is forbidden|not found)' % re.escape(item.id.name), "", error.message)
    for name in sorted(coming):
        if re.search(r"(?<![\w.-])%s(?![\w.-])" % re.escape(name), about):
            return name
    return None
