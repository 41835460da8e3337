# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Everything that can be known before the first write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import AbstractSet, FrozenSet, List, Optional, Sequence, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _coming,
    _dry_run,
    _existing,
    _fingerprint,
    _inventory,
    _late_kinds,
    _live,
    _parallel,
    _permissions,
    _prepare,
    _references,
    _stand_in,
    _static_set,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._order import FOUNDATION, stage
from ansible_collections.openhands.gpu_observability.plugins.module_utils._registry import Kind
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object


@dataclass
class Plan:
    """The items of a set in the order they were written, and what was noticed."""

    items: List[Item]
    recorded: Optional[List[Entry]] = None
    warnings: List[str] = field(default_factory=list)
    new_namespaces: Set[str] = field(default_factory=set)

    @property
    def foundation(self) -> List[Item]:
        """Namespaces and definitions."""
        return [item for item in self.items if stage(item.id) == FOUNDATION]

    @property
    def rest(self) -> List[Item]:
        """Everything else."""
        return [item for item in self.items if stage(item.id) != FOUNDATION]


def make(client: EngineClient, request: Request, clock: Clock) -> Plan:
    """Plan a set. Raises InvalidInput with every problem found; writes nothing."""
    items, problems, registry = _prepare.with_definitions(request, client.resource)
    if _late_kinds.await_served(client, items, registry, clock):
        items, problems, registry = _prepare.with_definitions(request, client.resource)
    plan = Plan(items)
    if problems and not items:
        raise InvalidInput(problems)
    # What is known to be wrong needs no second verdict in the server's words.
    sound = _without(items, problems)
    coming = _coming.look(client, sound, registry, request.check_mode)
    problems += coming.problems
    plan.warnings += coming.warnings
    sound = _without(sound, coming.problems)
    _live.read(client, items)
    problems += _permissions.grant(items, request)
    problems += _namespaces(client, plan, sound, request)
    problems += _terminating(items)
    plan.recorded = _inventory.read(client, request.inventory_namespace, request.component)
    foreign = _existing.check(items, plan.recorded or [], request)
    problems += foreign
    sound = _without(sound, foreign)
    left_alone = {entry.id: entry for entry in plan.recorded or ()}
    sound = [i for i in sound if i.id not in left_alone or not _fingerprint.untouched(i, left_alone[i.id])]
    ready = [i for i in sound if i.resource is not None and i.id.namespace not in plan.new_namespaces]
    problems += dry_run(client, ready, items, coming.changing)
    elsewhere = [i for i in sound if i.resource is not None and i.id.namespace in plan.new_namespaces]
    problems += _judged(
        elsewhere, _parallel.each(lambda item: _stand_in.check(client, item), elsewhere), coming.changing
    )
    for item in elsewhere:
        _dry_run.defer(item, "the namespace %s doesn't exist yet" % item.id.namespace)
    missing, doubtful = _references.check(client, items, request.check_mode)
    problems += missing
    problems += _static_set.check(client, _without(items, problems))
    plan.warnings += doubtful
    if problems:
        raise InvalidInput(problems)
    return plan


def _without(items: Sequence[Item], problems: Sequence[Problem]) -> List[Item]:
    known = {(problem.source, problem.object) for problem in problems}
    return [item for item in items if (item.source, str(item.id)) not in known]


def dry_run(
    client: EngineClient, items: Sequence[Item], whole: Sequence[Item], changing: AbstractSet[Kind] = frozenset()
) -> List[Problem]:
    """Dry-run items side by side.

    changing: kinds whose definition the run changes; their objects are right by the new one, whatever the old one says.
    """
    coming: FrozenSet[str] = frozenset(
        item.id.name for item in whole if item.live is None and item.id.kind != "Namespace"
    )
    coming |= {_dry_run.host_of(item.id) for item in whole if item.id.kind == "Service"}
    return _judged(items, _parallel.each(lambda item: _dry_run.check(client, item, coming), items), changing)


def _judged(items: Sequence[Item], found: Sequence[Sequence[Problem]], changing: AbstractSet[Kind]) -> List[Problem]:
    problems: List[Problem] = []
    for item, faults in zip(items, found):
        if faults and (item.id.group, item.id.kind) in changing:
            _dry_run.defer(item, _coming.CHANGES)
        else:
            problems += faults
    return problems


def _namespaces(client: EngineClient, plan: Plan, sound: Sequence[Item], request: Request) -> List[Problem]:
    """Find the namespaces that this run makes; one that nobody makes is a problem."""
    own = {item.id.name: item for item in plan.items if item.id.kind == "Namespace" and item.id.group == ""}
    named = sorted({item.id.namespace for item in sound if item.id.namespace} | {request.inventory_namespace})
    others = [name for name in named if name not in own]
    found = _parallel.each(lambda name: _namespace(client, name), others)
    live = dict(zip(others, found))
    live.update({name: item.live for name, item in own.items()})
    problems: List[Problem] = []
    for name in named:
        namespace = live[name]
        if namespace is None:
            plan.new_namespaces.add(name)
            if name not in own:
                problems += _missing_namespace(plan, name, request)
        elif namespace["metadata"].get("deletionTimestamp"):
            problems.append(Problem("the namespace %s is being deleted: run again once it is gone" % name))
    return problems


def _namespace(client: EngineClient, name: str) -> Optional[Object]:
    """The namespace, or None. Who may not look is taken at their word that it is there."""
    try:
        return _live.get(client, "/api/v1/namespaces/" + name)
    except ApiError as error:
        if classify(error) is Answer.FORBIDDEN:
            return {"metadata": {"name": name}}
        raise


def _missing_namespace(plan: Plan, name: str, request: Request) -> List[Problem]:
    if request.check_mode:
        text = (
            "The namespace %s doesn't exist yet: what goes there was checked in %s, "
            "without its quotas, limits and pod security."
        )
        plan.warnings.append(text % (name, _stand_in.NAMESPACE))
        return []
    users = [item for item in plan.items if item.id.namespace == name]
    text = "the namespace %s doesn't exist: create it first, or add a Namespace object to the set" % name
    if not users:
        return [Problem(text, "inventory_namespace")]
    return [users[0].problem(text + (" (%d objects use it)" % len(users) if len(users) > 1 else ""))]


def _terminating(items: Sequence[Item]) -> List[Problem]:
    problems = []
    for item in items:
        metadata = (item.live or {}).get("metadata") or {}
        if metadata.get("deletionTimestamp"):
            finalizers = ", ".join(metadata.get("finalizers") or ()) or "none"
            text = "is being deleted (finalizers: %s): run again once it is gone" % finalizers
            problems.append(item.problem(text))
    return problems
