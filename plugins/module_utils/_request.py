# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a rollout is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import CONNECTION_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._transform import Transform
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest, ObjectId
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import CustomCondition

INVENTORY_PREFIX = "rollout-inventory-"


def inventory_name(component: str) -> str:
    """Name of a component's record; role names have underscores, Kubernetes' names can't."""
    return INVENTORY_PREFIX + component.replace("_", "-")


@dataclass(frozen=True)
class Selected:
    """An entry of an option that names one object of the set; what is empty matches any."""

    option: str
    kind: str
    name: str
    namespace: str = ""
    api_version: str = ""
    fields: Tuple[str, ...] = ()

    def matches(self, api_version: str, identity: ObjectId) -> bool:
        """Whether this object is meant."""
        return (
            (self.kind, self.name) == (identity.kind, identity.name)
            and self.namespace in ("", identity.namespace)
            and self.api_version in ("", api_version)
        )


def _selected(option: str, options: Mapping[str, Any]) -> List[Selected]:
    return [
        Selected(
            option,
            str(entry["kind"]),
            str(entry["name"]),
            str(entry.get("namespace") or ""),
            str(entry.get("api_version") or ""),
            tuple(entry.get("fields") or ()),
        )
        for entry in options.get(option) or []
    ]


@dataclass
class Request:
    """One component's wanted state, rendered; secret bodies stay out of ``repr``."""

    component: str
    manifests: List[Manifest] = field(default_factory=list, repr=False)
    namespace: str = ""
    inventory_namespace: str = ""
    present: bool = True
    wait: bool = True
    wait_timeout: float = 600.0
    overrides: List[Mapping[str, Any]] = field(default_factory=list, repr=False)
    transform: Transform = field(default_factory=Transform)
    conditions: List[CustomCondition] = field(default_factory=list)
    connection: Mapping[str, Any] = field(default_factory=dict, repr=False)
    check_mode: bool = False
    diff: bool = False
    schemas: Callable[[], List[Manifest]] = field(default=list, repr=False)
    """Definitions of the whole run; reading them takes a while, so only who needs them calls this."""
    existing: str = "stop"
    take_over: List[Selected] = field(default_factory=list)
    recreate: List[Selected] = field(default_factory=list)
    prune: bool = True
    delete_data: List[Selected] = field(default_factory=list)
    lease_wait: float = 0.0

    @classmethod
    def of(
        cls,
        options: Mapping[str, Any],
        manifests: List[Manifest],
        check_mode: bool,
        diff: bool,
        schemas: Callable[[], List[Manifest]] = list,
    ) -> Request:
        """Read validated options."""
        namespace = str(options.get("namespace") or "")
        return cls(
            component=str(options["component"]),
            manifests=manifests,
            namespace=namespace,
            inventory_namespace=str(options.get("inventory_namespace") or namespace or "default"),
            present=options.get("state", "present") != "absent",
            wait=bool(options.get("wait", True)),
            wait_timeout=float(options.get("wait_timeout", 600)),
            overrides=list(options.get("overrides") or []),
            transform=Transform.of(options.get("transform")),
            conditions=conditions_of(options.get("conditions")),
            connection={name: options.get(name) for name in CONNECTION_ARGSPEC},
            check_mode=check_mode,
            diff=diff,
            schemas=schemas,
            existing=str(options.get("existing") or "stop"),
            take_over=_selected("take_over", options),
            recreate=_selected("recreate", options),
            prune=bool(options.get("prune", True)),
            delete_data=_selected("delete_data", options),
            lease_wait=float(options.get("lease_wait") or 0),
        )


def conditions_of(options: Any) -> List[CustomCondition]:
    """Read the option ``conditions``."""
    return [
        CustomCondition(
            api_version=str(entry["api_version"]),
            kind=str(entry["kind"]),
            name=entry.get("name"),
            current=str(entry["current"]),
            failed=entry.get("failed"),
        )
        for entry in options or []
    ]


def dump_manifests(manifests: List[Manifest]) -> List[Dict[str, Any]]:
    """Manifests as JSON-ready data."""
    return [{"body": m.body, "source": m.source, "line": m.line} for m in manifests]


def load_manifests(data: Any) -> List[Manifest]:
    """The inverse of dump_manifests."""
    return [Manifest(entry["body"], entry.get("source", ""), entry.get("line", 0)) for entry in data]
