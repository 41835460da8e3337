# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a rollout is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import CONNECTION_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._transform import Transform
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import CustomCondition

INVENTORY_PREFIX = "rollout-inventory-"


def inventory_name(component: str) -> str:
    """Name of a component's record; role names have underscores, Kubernetes' names can't."""
    return INVENTORY_PREFIX + component.replace("_", "-")


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

    @classmethod
    def of(cls, options: Mapping[str, Any], manifests: List[Manifest], check_mode: bool, diff: bool) -> Request:
        """Read validated options."""
        namespace = str(options.get("namespace") or "")
        return cls(
            component=str(options["component"]),
            manifests=manifests,
            namespace=namespace,
            inventory_namespace=str(options.get("inventory_namespace") or namespace or "default"),
            present=options.get("state", "present") == "present",
            wait=bool(options.get("wait", True)),
            wait_timeout=float(options.get("wait_timeout", 600)),
            overrides=list(options.get("overrides") or []),
            transform=Transform.of(options.get("transform")),
            conditions=conditions_of(options.get("conditions")),
            connection={name: options.get(name) for name in CONNECTION_ARGSPEC},
            check_mode=check_mode,
            diff=diff,
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
