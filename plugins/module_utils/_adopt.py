# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Adoption: which field managers give an object up to us, and the mark that keeps Helm from deleting it.

How their fields become ours, and what goes with that, is in _migrate.
"""

from __future__ import annotations

from typing import Any, FrozenSet, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _owner
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

KEEP = "helm.sh/resource-policy"
"""With the value keep on the live object, helm upgrade leaves an object that its release drops (pkg/kube/client.go).
helm uninstall doesn't look at the live object, only at the release's own text (pkg/action/resource_policy.go)."""


def from_managers(live: Mapping[str, Any]) -> FrozenSet[str]:
    """Field managers of the tools that installed an object; controllers that only add to it keep what is theirs."""
    return frozenset(name for name in _owner.managers(live) if _owner.tool_of(name))


def keep(body: Object) -> None:
    """Tell Helm to leave the object where a release drops it."""
    body["metadata"].setdefault("annotations", {}).setdefault(KEEP, "keep")


def kept(live: Mapping[str, Any]) -> bool:
    """Whether it was adopted from Helm once: the mark must not go away with the next run."""
    return bool(_owner.ours(live)) and ((live["metadata"].get("annotations") or {}).get(KEEP)) == "keep"
