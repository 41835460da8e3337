# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The state of a lab as rows, and the rows as a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _table

HEADINGS = ("COMPONENT", "PID", "VERSION", "STATE")


@dataclass(frozen=True)
class Row:
    """One component. ``problem`` is None when all is well."""

    name: str
    pid: Optional[int]
    version: str
    problem: Optional[str]

    def to_dict(self) -> Dict[str, Any]:
        return asdict(self)

    def cells(self) -> Sequence[str]:
        return (self.name, str(self.pid or "-"), self.version or "-", self.problem or "healthy")


def node_problem(node: Mapping[str, Any]) -> Optional[str]:
    """Why a Node object is not Ready, or None."""
    for condition in (node.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "Ready":
            if condition.get("status") == "True":
                return None
            return f"not Ready: {condition.get('message') or condition.get('reason') or 'no reason given'}"
    return "not Ready: kubelet has not reported yet"


def node_version(node: Mapping[str, Any]) -> str:
    """Version of the node's kubelet, without the leading v."""
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return str(info.get("kubeletVersion") or "").lstrip("v")


def table(rows: Sequence[Row]) -> List[str]:
    """Lines for a person."""
    return _table.aligned([HEADINGS, *(row.cells() for row in rows)])
