# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The definitions of a run: those of the set itself, then those that the whole run brings."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._order import built_in
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest

Kind = Tuple[str, str]
"""(group, kind)"""
Schema = Mapping[str, Any]
_ANYTHING: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@dataclass(frozen=True)
class Definition:
    """A kind as a CustomResourceDefinition describes it. ``own``: the set that is rolled out brings it."""

    group: str
    kind: str
    plural: str
    namespaced: bool
    own: bool
    versions: Mapping[str, Schema] = field(default_factory=dict, repr=False)
    """Served versions with their schemas."""

    @property
    def name(self) -> str:
        """The definition's own name."""
        return "%s.%s" % (self.plural, self.group)

    @property
    def api_versions(self) -> List[str]:
        """Every api_version that is served."""
        return ["%s/%s" % (self.group, version) for version in self.versions]

    def schema(self, api_version: str) -> Optional[Schema]:
        """The schema of one api_version; None where that isn't served."""
        return self.versions.get(api_version.rpartition("/")[2])


def read(body: Mapping[str, Any], own: bool) -> Optional[Definition]:
    """A definition from its object; None for anything else, or for half of one."""
    spec = body.get("spec")
    if body.get("kind") != "CustomResourceDefinition" or not isinstance(spec, dict):
        return None
    names = spec.get("names") if isinstance(spec.get("names"), dict) else {}
    versions: Dict[str, Schema] = {}
    for version in spec.get("versions") or ():
        if isinstance(version, dict) and version.get("served", True):
            schema = (version.get("schema") or {}).get("openAPIV3Schema")
            scale = (version.get("subresources") or {}).get("scale") or {}
            steps = [step for step in str(scale.get("specReplicasPath") or "").split(".") if step]
            whole = schema if isinstance(schema, dict) else _ANYTHING
            versions[str(version.get("name"))] = _counted(whole, steps) if steps else whole
    return Definition(
        group=str(spec.get("group")),
        kind=str((names or {}).get("kind")),
        plural=str((names or {}).get("plural")),
        namespaced=spec.get("scope") == "Namespaced",
        own=own,
        versions=versions,
    )


def _counted(schema: Schema, steps: Sequence[str]) -> Schema:
    """The schema, where the number that scaling sets can't be negative: the server sees to that by itself."""
    if not steps:
        return {**schema, "minimum": max(0, schema.get("minimum", 0))}
    properties = schema.get("properties") or {}
    if steps[0] not in properties:
        return schema
    return {**schema, "properties": {**properties, steps[0]: _counted(properties[steps[0]], steps[1:])}}


def _by_kind(manifests: Iterable[Manifest], own: bool) -> Dict[Kind, Definition]:
    found = [read(manifest.body, own) for manifest in manifests]
    return {(one.group, one.kind): one for one in found if one is not None}


class Registry:
    """Answers for kinds that the server doesn't serve yet, or will serve differently after this run."""

    def __init__(self, own: Sequence[Manifest], others: Callable[[], List[Manifest]] = list) -> None:
        """others: definitions of the whole run; called at the first question that the set can't answer."""
        self._own = _by_kind(own, own=True)
        self._others = others
        self._all: Optional[Dict[Kind, Definition]] = None

    @property
    def complete(self) -> bool:
        """Whether the definitions of the whole run were given: a kind that is nowhere among them is a mistake."""
        return len(self._every()) > len(self._own)

    def own(self, group: str, kind: str) -> Optional[Definition]:
        """The definition that the set brings."""
        return self._own.get((group, kind))

    def find(self, group: str, kind: str) -> Optional[Definition]:
        """The definition that the run brings, whichever of its components does."""
        found = self.own(group, kind)
        return found if found is not None or not custom(group) else self._every().get((group, kind))

    def _every(self) -> Dict[Kind, Definition]:
        if self._all is None:
            self._all = {**_by_kind(self._others(), own=False), **self._own}
        return self._all

    def hint(self, api_version: str, kind: str) -> str:
        """What an unknown kind may have meant among the run's; empty where nothing comes near."""
        every = self._every().values()
        same = sorted(version for one in every if one.kind == kind for version in one.api_versions)
        if same:
            return "this run has %s in %s" % (kind, ", ".join(same))
        group = api_version.rpartition("/")[0]
        kinds = sorted(one.kind for one in every if one.group == group)
        near = difflib.get_close_matches(kind, kinds, n=1)
        if near:
            return "did you mean %s?" % near[0]
        return "in %s this run has: %s" % (group, ", ".join(kinds)) if kinds else ""


def custom(group: str) -> bool:
    """Whether kinds of a group come from definitions."""
    return "." in group and not built_in(group)


def needed(manifests: Iterable[Manifest], schemas: Iterable[Manifest]) -> List[Manifest]:
    """The definitions that these objects are checked against, without prose: what is worth sending elsewhere."""
    kinds: Set[Kind] = {(manifest.id.group, manifest.id.kind) for manifest in manifests}
    found = []
    for schema in schemas:
        definition = read(schema.body, own=False)
        if definition is not None and (definition.group, definition.kind) in kinds:
            found.append(Manifest(_terse(schema.body, named=False), schema.source, schema.line))
    return found


def _terse(value: Any, named: bool) -> Any:
    """Without descriptions. named: the keys are names of fields, of which one may be called description."""
    if isinstance(value, dict):
        inner = {key: item for key, item in value.items() if named or key != "description"}
        return {key: _terse(item, named=not named and key == "properties") for key, item in inner.items()}
    return [_terse(item, named=False) for item in value] if isinstance(value, list) else value
