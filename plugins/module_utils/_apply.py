# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Write what drifted, stage by stage."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _conflicts,
    _dry_run,
    _immutable,
    _live,
    _migrate,
    _order,
    _parallel,
    _plan,
    _recreate,
    _writes,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import NO_ACCESS, Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._drift import compare
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import (
    InvalidInput,
    Problem,
    RolloutError,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Change, Emit, Object

FOUNDATION_SECONDS = 60.0
STALE_TRIES = 5
SEEN_SECONDS, SEEN_PAUSE = 10.0, 0.1
"""How long an object of this set that was just created may stay unseen by the server's own caches."""
HALFWAY = "Namespaces and definitions of this set are in place; nothing else was written."
STOPPED = "Already written: %s; a rerun goes on from here."


def foundation(client: EngineClient, plan: _plan.Plan, items: Sequence[Item], emit: Emit, clock: Clock) -> None:
    """Apply namespaces and definitions, wait until they serve, then check what had to wait for them."""
    waiting = [item for item in plan.rest if item.deferred]
    write(client, items, emit, clock)
    if not waiting:
        return
    _await_kinds(client, plan, clock)
    plan.new_namespaces.clear()
    for item in waiting:
        item.resource = client.resource(item.api_version, item.id.kind)
    _live.read(client, waiting)
    problems = _check_again(client, waiting, plan, clock)
    if problems:
        raise InvalidInput(problems, HALFWAY)


def _check_again(client: EngineClient, waiting: List[Item], plan: _plan.Plan, clock: Clock) -> List[Problem]:
    """Dry-run the late items. A kind that was served a moment ago may still answer 404, so that is asked again."""
    deadline = clock.now() + 10.0
    while True:
        problems = _plan.dry_run(client, waiting, plan.items)
        if not any("could not find the requested resource" in problem.message for problem in problems):
            return problems
        if clock.now() > deadline:
            return problems
        clock.sleep(0.2)


def _await_kinds(client: EngineClient, plan: _plan.Plan, clock: Clock) -> None:
    """Wait until the server serves every kind that this set defines and uses."""
    deadline = clock.now() + FOUNDATION_SECONDS
    pause = 0.05
    while True:
        client.forget_discovery()
        missing = sorted(
            {
                (item.api_version, item.id.kind)
                for item in plan.items
                if client.resource(item.api_version, item.id.kind) is None
            }
        )
        if not missing:
            return
        if clock.now() > deadline:
            names = ", ".join("%s %s" % pair for pair in missing)
            raise RolloutError(
                "The server doesn't serve %s %d s after its definition was applied. %s"
                % (names, FOUNDATION_SECONDS, _definition_faults(client, plan))
            )
        clock.sleep(pause)
        pause = min(1.0, pause * 1.5)


def _definition_faults(client: EngineClient, plan: _plan.Plan) -> str:
    """What the definitions' conditions say."""
    found = []
    for item in plan.foundation:
        live = _live.get(client, item.path()) if item.id.kind == "CustomResourceDefinition" else None
        conditions = ((live or {}).get("status") or {}).get("conditions") or ()
        wrong = [c for c in conditions if c.get("type") in ("Established", "NamesAccepted") and c["status"] != "True"]
        found += ["%s: %s" % (item.id.name, condition.get("message")) for condition in wrong]
    return " ".join(found) or "Its definition has no complaint."


def write(client: EngineClient, items: Sequence[Item], emit: Emit, clock: Clock) -> None:
    """Apply the items that changed. A stage ends before the next begins, and errors of a stage come together."""
    for group in _order.stages([(item.id, item) for item in items if item.change is not Change.UNCHANGED]):
        results = _parallel.each(lambda item: _write_one(client, item, clock), group)
        problems = [problem for found in results for problem in found]
        _say(group, emit)
        if problems:
            raise InvalidInput(problems, STOPPED % (", ".join(_done(items)) or "nothing"))


def _say(group: Sequence[Item], emit: Emit) -> None:
    for line in _done(group):
        emit(line)


def _done(group: Sequence[Item]) -> List[str]:
    """One line for each change and kind; a single object by its name."""
    done: Dict[Tuple[str, str], List[Item]] = {}
    for item in group:
        if item.applied is not None and item.change is not Change.UNCHANGED:
            done.setdefault((item.change.value, item.id.kind), []).append(item)
    return [
        "%s %s" % (change, items[0].id if len(items) == 1 else "%d %s" % (len(items), kind))
        for (change, kind), items in done.items()
    ]


def _write_one(client: EngineClient, item: Item, clock: Clock) -> List[Problem]:
    tries, deadline = STALE_TRIES, clock.now() + SEEN_SECONDS
    if item.recreate:
        return _recreate.run(client, item, clock)
    while True:
        try:
            if item.kept is not None and item.live is None:
                _recreate.create(client, item)
                break
            _migrate.take(client, item)
            item.applied = _writes.apply(client, item.path(), _with_version(item), force=item.force)
            break
        except ApiError as error:
            answer = classify(error)
            if item.awaits and answer in (Answer.FORBIDDEN, Answer.NOT_FOUND) and clock.now() < deadline:
                clock.sleep(SEEN_PAUSE)
                continue
            tries -= 1
            again, problems = _write_refused(client, item, error, last=tries == 0)
            if not again:
                return problems
    if item.deferred:
        item.change = compare(item.live, item.applied or {})
    return []


def _with_version(item: Item) -> Object:
    """The body with the version that was read, so that nobody's change in between is overlooked."""
    body = item.wanted
    version = ((item.live or {}).get("metadata") or {}).get("resourceVersion")
    # What nobody has checked yet may have changed since it was read; what is taken by force may not.
    if not version or (item.deferred and not item.force):
        return body
    return {**body, "metadata": {**body["metadata"], "resourceVersion": version}}


def _write_refused(client: EngineClient, item: Item, error: ApiError, last: bool) -> Tuple[bool, List[Problem]]:
    """Return (try again, problems)."""
    answer = classify(error)
    if answer in (Answer.STALE, Answer.EXISTS) and not last:
        before, change = item.live, item.change
        item.live = _live.get(client, item.path())
        problems = _dry_run.check(client, item, frozenset())
        if item.recreate:
            return False, [item.problem("was changed while this run was going, and has to be created again: run again")]
        if not problems and item.change is Change.UNCHANGED:
            # It was written and the answer was lost, or another wanted the same: nothing is left to write.
            item.applied, item.live, item.change = item.live, before, change
            return False, []
        return not problems, problems
    if answer is Answer.OWNED:
        # Only what no dry run could check comes here with a conflict that may be overruled.
        problems = _conflicts.judge(item, _conflicts.read(error))
        item.force = not problems
        item.say("" if problems else _conflicts.took(_conflicts.read(error)))
        return not problems and not last, problems
    if answer in NO_ACCESS:
        raise error
    fixed = _immutable.late(item, error)
    return False, _dry_run.refusals(item, error) if fixed is None else fixed
