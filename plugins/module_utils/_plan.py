# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Everything that can be known before the first write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _discovery,
    _dry_run,
    _existing,
    _fingerprint,
    _inventory,
    _live,
    _parallel,
    _permissions,
    _prepare,
    _references,
    _static_set,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._order import FOUNDATION, stage
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Change, Object

STAND_IN = "default"
"""A namespace that every cluster has: objects of new namespaces are tried there."""


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


def make(client: EngineClient, request: Request) -> Plan:
    """Plan a set. Raises InvalidInput with every problem found; writes nothing."""
    items, problems = _prepare.prepare(request, client.resource)
    plan = Plan(items)
    if problems and not items:
        raise InvalidInput(problems)
    # What is known to be wrong needs no second verdict in the server's words.
    known = {(problem.source, problem.object) for problem in problems}
    sound = [item for item in items if (item.source, str(item.id)) not in known]
    problems += _unknown_kinds(client, plan, request.check_mode)
    _live.read(client, items)
    problems += _permissions.grant(items, request)
    problems += _namespaces(client, plan, sound, request)
    problems += _terminating(items)
    plan.recorded = _inventory.read(client, request.inventory_namespace, request.component)
    foreign = _existing.check(items, plan.recorded or [], request)
    problems += foreign
    stopped = {(problem.source, problem.object) for problem in foreign}
    sound = [item for item in sound if (item.source, str(item.id)) not in stopped]
    left_alone = {entry.id: entry for entry in plan.recorded or ()}
    sound = [i for i in sound if i.id not in left_alone or not _fingerprint.untouched(i, left_alone[i.id])]
    ready = [i for i in sound if i.resource is not None and i.id.namespace not in plan.new_namespaces]
    problems += dry_run(client, ready, items, may_wait=True)
    elsewhere = [i for i in sound if i.resource is not None and i.id.namespace in plan.new_namespaces]
    tried = _parallel.each(lambda item: _dry_run.check_elsewhere(client, item, STAND_IN), elsewhere)
    problems += [problem for found in tried for problem in found]
    for item in elsewhere:
        _dry_run.defer(item, "the namespace %s doesn't exist yet" % item.id.namespace)
    missing, doubtful = _references.check(client, items)
    problems += missing
    problems += _static_set.check(client, items)
    plan.warnings += doubtful
    if problems:
        raise InvalidInput(problems)
    return plan


def dry_run(client: EngineClient, items: Sequence[Item], whole: Sequence[Item], may_wait: bool) -> List[Problem]:
    """Dry-run items side by side. ``may_wait``: a new field of a definition of this set may come later."""
    coming: FrozenSet[str] = frozenset(
        item.id.name for item in whole if item.live is None and item.id.kind != "Namespace"
    )
    found = _parallel.each(lambda item: _dry_run.check(client, item, coming), items)
    problems: List[Problem] = []
    changing = _changing_definitions(whole) if may_wait else {}
    for item, faults in zip(items, found):
        definition = changing.get((item.id.group, item.id.kind))
        if faults and definition is not None and definition.change is not Change.UNCHANGED:
            _dry_run.defer(item, "its definition changes in this run")
        else:
            problems += faults
    return problems


def _changing_definitions(items: Sequence[Item]) -> Dict[object, Item]:
    found: Dict[object, Item] = {}
    for item in items:
        if item.id.kind == "CustomResourceDefinition":
            for key in _prepare.definitions([item.manifest]):
                found[key] = item
    return found


def _unknown_kinds(client: EngineClient, plan: Plan, check_mode: bool) -> List[Problem]:
    """Kinds that neither the server nor the set knows. In check mode they may come from an earlier component."""
    coming = _prepare.definitions([item.manifest for item in plan.items])
    problems = []
    for item in plan.items:
        if item.resource is not None:
            continue
        if _comes(coming.get((item.id.group, item.id.kind)), item.api_version):
            _dry_run.defer(item, "its kind isn't served yet")
            continue
        custom = "." in item.id.group and not item.id.group.endswith(".k8s.io")
        if check_mode and custom:
            _dry_run.defer(item, "its kind isn't served yet")
            plan.warnings.append(
                "%s: %s isn't served by this cluster yet, so the object wasn't checked." % (item.id, item.api_version)
            )
            continue
        hint = _discovery.hint(item.api_version, item.id.kind, client.resources())
        text = "no kind %s in %s on this server" % (item.id.kind, item.api_version)
        problems.append(item.problem("%s; %s" % (text, hint) if hint else text))
    return problems


def _comes(spec: Optional[Mapping[str, Any]], api_version: str) -> bool:
    if spec is None:
        return False
    versions = spec.get("versions") or []
    wanted = api_version.rpartition("/")[2]
    return any(version.get("name") == wanted and version.get("served", True) for version in versions)


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
        plan.warnings.append("The namespace %s doesn't exist yet; what goes there was checked elsewhere." % name)
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
