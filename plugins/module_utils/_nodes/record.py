# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a node's annotation says of its maintenance: who took it out of service, when, and how to give it back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    dig,
    is_true,
    mapping,
    name_of,
)

PREFIX = "gpu-observability.openhands.dev/"
RECORD, REASON = PREFIX + "maintenance", PREFIX + "maintenance-failed"

DRAINING, DRAINED, FAILED = "draining", "drained", "failed"


@dataclass(frozen=True)
class Record:
    """One node's maintenance. cordoned: whether we made it unschedulable. boot: its boot id when it was drained.

    labels: what the labels that were changed said before; null where there was none.
    """

    state: str
    run: str
    since: str
    cordoned: bool = False
    boot: str = ""
    what: str = ""
    reason: str = ""
    labels: Mapping[str, Optional[str]] = field(default_factory=dict)

    def becomes(self, **changes: Any) -> Record:
        """The record with other values."""
        return replace(self, **changes)

    @property
    def annotations(self) -> Dict[str, Optional[str]]:
        """As annotations; the reason by itself too, for people."""
        return {RECORD: json.dumps(asdict(self), sort_keys=True), REASON: self.reason or None}


GONE: Dict[str, Optional[str]] = {RECORD: None, REASON: None}
"""Annotations that end a maintenance."""


def of(node: Object) -> Optional[Record]:
    """The maintenance a node is in; None where it is in none. Raises RolloutError where that can't be read."""
    text = dig(node, "metadata", "annotations", RECORD)
    if not text:
        return None
    try:
        found = json.loads(text)
        return Record(**{key: found[key] for key in Record.__dataclass_fields__ if key in found})
    except (ValueError, TypeError) as exc:
        raise RolloutError(
            "Node %s: its annotation %s can't be read: %s. Look at the node, then remove it."
            % (name_of(node), RECORD, exc)
        ) from exc


def ready(node: Object) -> bool:
    """Whether the kubelet reports the node as ready."""
    return is_true(node, "Ready")


def unschedulable(node: Object) -> bool:
    """Whether it is cordoned, by whomever."""
    return dig(node, "spec", "unschedulable") is True


def boot_id(node: Object) -> str:
    """Changes with every boot."""
    return str(dig(node, "status", "nodeInfo", "bootID") or "")


def label(node: Object, key: str) -> Optional[str]:
    """A label's value."""
    value = mapping(node, "metadata", "labels").get(key)
    return value if isinstance(value, str) else None


def allocatable(node: Object, resource: str = "nvidia.com/gpu") -> int:
    """How many of an extended resource its kubelet offers."""
    text = str(mapping(node, "status", "allocatable").get(resource) or "0")
    return int(text) if text.isdigit() else 0
