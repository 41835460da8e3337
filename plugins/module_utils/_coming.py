# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Objects of kinds that the server doesn't serve yet, or will serve differently: held against the run's definitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _discovery,
    _live,
    _registry,
    _schema,
    _schema_cel,
    _schema_defaults,
    _schema_metadata,
    _schema_text,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._registry import Definition, Registry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Change, Object

NOT_SERVED = "its kind isn't served yet"
CHANGES = "its definition changes in this run"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"


@dataclass
class Findings:
    """What the definitions of the run say of a set."""

    problems: List[Problem] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)
    changing: Set[_registry.Kind] = field(default_factory=set)
    """Kinds whose definition the run changes: the server's dry run judges them by the old one."""
    unknown: List[Item] = field(default_factory=list)
    rules: Set[str] = field(default_factory=set)
    """Rules that couldn't be evaluated."""
    patterns: Set[str] = field(default_factory=set)
    """Patterns that couldn't be applied."""


def look(client: EngineClient, items: Sequence[Item], registry: Registry, check_mode: bool) -> Findings:
    """Check what the server can't: fill in what such objects would become, and collect every problem."""
    findings = Findings()
    unserved = [item for item in items if item.resource is None]
    for item in unserved:
        _unserved(client, item, registry, check_mode, findings)
    for item, definition in _changed(client, items, registry, check_mode):
        findings.changing.add((item.id.group, item.id.kind))
        schema = definition.schema(item.api_version)
        if schema is None:
            findings.problems.append(item.problem(_no_version(item, definition)))
        else:
            _judge(item, schema, findings)
    if check_mode:  # else the server checks the rest, once it has the definitions
        findings.warnings += _said(findings)
    return findings


def _unserved(client: EngineClient, item: Item, registry: Registry, check_mode: bool, findings: Findings) -> None:
    definition = registry.find(item.id.group, item.id.kind) if check_mode else registry.own(item.id.group, item.id.kind)
    schema = definition.schema(item.api_version) if definition is not None else None
    if schema is not None:
        item.change, item.deferred = Change.CREATED, NOT_SERVED
        item.planned = _judge(item, schema, findings)
        return
    text = "no kind %s in %s on this server" % (item.id.kind, item.api_version)
    hint = "" if definition is None else _no_version(item, definition)
    hint = hint or (registry.hint(item.api_version, item.id.kind) if _registry.custom(item.id.group) else "")
    ruled_out = registry.complete and any(one.group == item.id.group for one in client.resources())
    if check_mode and not hint and _registry.custom(item.id.group) and not ruled_out:
        item.change, item.deferred = Change.CREATED, NOT_SERVED
        findings.unknown.append(item)
        return
    hint = hint or _discovery.hint(item.api_version, item.id.kind, client.resources())
    findings.problems.append(item.problem("%s; %s" % (text, hint) if hint else text))


def _no_version(item: Item, definition: Definition) -> str:
    return "its definition in this run has: %s" % (", ".join(definition.api_versions) or "no served version")


def _changed(
    client: EngineClient, items: Sequence[Item], registry: Registry, check_mode: bool
) -> List[Tuple[Item, Definition]]:
    """Objects of served kinds whose definition is another one after this run."""
    differs: Dict[str, bool] = {}
    found = []
    for item in items:
        if item.resource is None or not _registry.custom(item.id.group):
            continue
        # Outside check mode the run's other definitions are in place already.
        known = registry.find(item.id.group, item.id.kind) if check_mode else registry.own(item.id.group, item.id.kind)
        if known is None:
            continue
        if known.name not in differs:
            differs[known.name] = _differs(client, known)
        if differs[known.name]:
            found.append((item, known))
    return found


def _differs(client: EngineClient, definition: Definition) -> bool:
    """Whether the server's definition has other schemas than the run's. Who may not look lets the server judge."""
    try:
        live = _live.get(client, _DEFINITIONS + definition.name)
    except ApiError as error:
        if classify(error) is Answer.FORBIDDEN:
            return False
        raise
    served = _registry.read({"kind": "CustomResourceDefinition", **live}, own=False) if live is not None else None
    if served is None or set(served.versions) != set(definition.versions):
        return True
    wanted, there = definition.versions, served.versions
    return any(_plain(wanted[name]) != _plain(there[name]) for name in wanted)


def _plain(schema: Any) -> Any:
    """A schema without what decides nothing, and what the server leaves out when it stores one."""
    if isinstance(schema, dict):
        kept = {key: _plain(value) for key, value in schema.items() if not (key == "description" and _text(value))}
        return {key: value for key, value in kept.items() if value is not None and value is not False}
    return [_plain(value) for value in schema] if isinstance(schema, list) else schema


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _judge(item: Item, schema: Mapping[str, Any], findings: Findings) -> Optional[Object]:
    """Add an object's faults; return it with its defaults."""
    body: Object = _schema_defaults.filled(schema, item.manifest.body)
    faults = _schema.check(schema, body)
    name = _schema_metadata.name_fault(item.id.name)
    if name:
        faults.insert(0, ("metadata.name", name))
    if not faults:  # rules are for objects of the right shape
        outcome = _schema_cel.check(schema, body)
        faults = outcome.faults
        findings.rules.update(outcome.unchecked)
    findings.patterns |= _schema_text.unreadable(schema, body)
    findings.problems += [item.problem(message, path) for path, message in faults]
    return body


def _said(findings: Findings) -> List[str]:
    """What wasn't checked, in one sentence."""
    parts = []
    if findings.unknown:
        kinds = sorted({"%s %s" % (item.api_version, item.id.kind) for item in findings.unknown})
        parts.append("objects of kinds that nobody here defines: %d (%s)" % (len(findings.unknown), ", ".join(kinds)))
    if findings.rules:
        library = _schema_cel.library()
        why = "beyond %s" % library if library else "install common-expression-language or cel-python"
        parts.append("CEL rules: %d (%s)" % (len(findings.rules), why))
    if findings.patterns:
        parts.append("patterns: %d (install google-re2)" % len(findings.patterns))
    return ["Not checked, as the cluster doesn't have these definitions yet: %s." % "; ".join(parts)] if parts else []
