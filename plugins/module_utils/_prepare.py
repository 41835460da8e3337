# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""From rendered manifests to items: checked for shape, fitted to the site, normalised. No server is written to."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _overrides, _static, _transform
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._normalise import normalise
from ansible_collections.openhands.gpu_observability.plugins.module_utils._registry import Registry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest, ObjectId, Resource

LookUp = Callable[[str, str], Optional[Resource]]


def prepare(request: Request, look_up: LookUp) -> Tuple[List[Item], List[Problem]]:
    """Make the items of a request; problems are collected, not raised."""
    items, problems, _registry = with_definitions(request, look_up)
    return items, problems


def with_definitions(request: Request, look_up: LookUp) -> Tuple[List[Item], List[Problem], Registry]:
    """Make the items of a request, and know the definitions of the run."""
    manifests = [Manifest(_copy(m.body), m.source, m.line) for m in request.manifests]
    problems = [problem for manifest in manifests for problem in shape(manifest)]
    registry = Registry(manifests, request.schemas)
    if problems:
        return [], problems, registry
    for manifest in manifests:
        problems += _scope(manifest, request.namespace, registry, look_up)
    problems += _overrides.apply(manifests, request.overrides)
    for manifest in manifests:
        problems += _static.check(manifest)
        _transform.apply(manifest.body, request.transform, request.component)
        manifest.body = normalise(manifest.body)
    problems += duplicates(manifests)
    items = [Item(m, m.id, look_up(str(m.body["apiVersion"]), m.id.kind)) for m in manifests]
    return items, problems, registry


def _copy(value: Any) -> Any:
    """A deep copy of decoded YAML; copy.deepcopy takes five times as long on large definitions."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def shape(manifest: Manifest) -> List[Problem]:
    """What every object must have."""
    body, problems = manifest.body, []
    where = "%s:%d" % (manifest.source, manifest.line) if manifest.line else manifest.source
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        return [Problem("must be a mapping", where, str(body.get("kind") or ""), "metadata")]
    name = (metadata or {}).get("name")
    label = "%s %s" % (body.get("kind") or "object", name or "without a name")
    for field, value in (("apiVersion", body.get("apiVersion")), ("kind", body.get("kind"))):
        if not isinstance(value, str) or not value:
            problems.append(Problem("is missing" if not value else "must be text", where, label, field))
    if (metadata or {}).get("generateName"):
        text = "isn't possible: an object must have a fixed name to be found again"
        problems.append(Problem(text, where, label, "metadata.generateName"))
    elif not isinstance(name, str) or not name:
        problems.append(Problem("is missing" if name is None else "must be text", where, label, "metadata.name"))
    for field in ("labels", "annotations"):
        value = (metadata or {}).get(field)
        if value is not None and not isinstance(value, dict):
            problems.append(Problem("must be a mapping", where, label, "metadata." + field))
    return problems


def definitions(manifests: List[Manifest]) -> Dict[Tuple[str, str], Mapping[str, Any]]:
    """(group, kind) -> spec of the CustomResourceDefinitions in the set."""
    found: Dict[Tuple[str, str], Mapping[str, Any]] = {}
    for manifest in manifests:
        if manifest.body.get("kind") == "CustomResourceDefinition" and isinstance(manifest.body.get("spec"), dict):
            spec = manifest.body["spec"]
            found[(str(spec.get("group")), str((spec.get("names") or {}).get("kind")))] = spec
    return found


def _scope(manifest: Manifest, default: str, registry: Registry, look_up: LookUp) -> List[Problem]:
    """Give namespaced objects their namespace, and refuse one on the others."""
    identity, metadata = manifest.id, manifest.body["metadata"]
    where = "%s:%d" % (manifest.source, manifest.line) if manifest.line else manifest.source
    resource = look_up(str(manifest.body["apiVersion"]), identity.kind)
    definition = registry.find(identity.group, identity.kind) if resource is None else None
    if resource is not None:
        namespaced = resource.namespaced
    elif definition is not None:
        namespaced = definition.namespaced
    else:
        return []
    if not namespaced:
        if identity.namespace:
            text = "%s is a cluster-wide kind: remove the namespace" % identity.kind
            return [Problem(text, where, str(identity), "metadata.namespace")]
    elif not identity.namespace:
        if not default:
            text = "is missing, and the task has no default: set it or the option namespace"
            return [Problem(text, where, str(identity), "metadata.namespace")]
        metadata["namespace"] = default
    if identity.kind in ("RoleBinding", "ClusterRoleBinding") and default:
        for subject in manifest.body.get("subjects") or ():
            if isinstance(subject, dict) and subject.get("kind") == "ServiceAccount":
                subject.setdefault("namespace", metadata.get("namespace") or default)
    return []


def duplicates(manifests: List[Manifest]) -> List[Problem]:
    """Objects that are written twice."""
    first: Dict[ObjectId, str] = {}
    problems = []
    for manifest in manifests:
        where = "%s:%d" % (manifest.source, manifest.line) if manifest.line else manifest.source
        if manifest.id in first:
            problems.append(Problem("is also written in %s" % first[manifest.id], where, str(manifest.id)))
        first.setdefault(manifest.id, where)
    return problems
