# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Adoption: what another tool owned of an object becomes ours, so that nothing of it lingers.

Server-side apply removes only what its own manager owned. Renaming the tool's entries in managedFields to ours, in one
write before the apply, makes the apply take away what the tool had set and we don't want: its labels before all.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _owner
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._drift import FIELD_MANAGER
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

KEEP = "helm.sh/resource-policy"
"""With the value keep on the live object, helm upgrade leaves an object that its release drops (pkg/kube/client.go).
helm uninstall doesn't look at the live object, only at the release's own text (pkg/action/resource_policy.go)."""

Path = Tuple[str, ...]


def from_managers(live: Mapping[str, Any]) -> FrozenSet[str]:
    """Field managers of the tools that installed an object; controllers that only add to it keep what is theirs."""
    return frozenset(name for name in _owner.managers(live) if _owner.tool_of(name))


def keep(body: Object) -> None:
    """Tell Helm to leave the object where a release drops it."""
    body["metadata"].setdefault("annotations", {}).setdefault(KEEP, "keep")


def kept(live: Mapping[str, Any]) -> bool:
    """Whether it was adopted from Helm once: the mark must not go away with the next run."""
    return bool(_owner.ours(live)) and ((live["metadata"].get("annotations") or {}).get(KEEP)) == "keep"


def renamed(live: Mapping[str, Any], managers: FrozenSet[str]) -> Optional[List[Object]]:
    """The entries of managedFields, the managers' merged into ours; None where they have none."""
    entries = list((live.get("metadata") or {}).get("managedFields") or ())
    theirs = [entry for entry in entries if entry.get("manager") in managers and not entry.get("subresource")]
    if not theirs:
        return None
    rest: List[Object] = []
    fields: Object = {}
    version = ""
    for entry in entries:
        mine = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        if entry not in theirs and not (mine and not entry.get("subresource")):
            rest.append(entry)
            continue
        fields = _merged(fields, entry.get("fieldsV1") or {})
        version = str(entry.get("apiVersion") or version)
    made = {"manager": FIELD_MANAGER, "operation": "Apply", "apiVersion": version, "fieldsType": "FieldsV1"}
    return [*rest, {**made, "fieldsV1": fields}]


def take(client: EngineClient, item: Item) -> None:
    """Rename the owners before the first apply; a change in between answers 409, like any stale write."""
    entries = renamed(item.live or {}, item.adopt_from)
    if entries is None:
        return
    metadata = (item.live or {})["metadata"]
    body = {"metadata": {"managedFields": entries, "resourceVersion": metadata["resourceVersion"]}}
    query = {"fieldManager": FIELD_MANAGER}
    item.live = client.send("PATCH", item.path(), body, query, "application/merge-patch+json")


def dropped(live: Mapping[str, Any], planned: Mapping[str, Any], managers: FrozenSet[str]) -> List[str]:
    """Fields that adoption takes away: the tool set them, and nobody else wants them."""
    theirs: FrozenSet[Path] = frozenset()
    others: FrozenSet[Path] = frozenset()
    for entry in (planned.get("metadata") or {}).get("managedFields") or ():
        if not entry.get("subresource") and entry.get("manager") not in managers:
            others |= frozenset(_leaves(entry.get("fieldsV1") or {}))
    for entry in (live.get("metadata") or {}).get("managedFields") or ():
        if not entry.get("subresource") and entry.get("manager") in managers:
            theirs |= frozenset(_leaves(entry.get("fieldsV1") or {}))
    return sorted(".".join(path) for path in theirs - others)


def _merged(left: Mapping[str, Any], right: Mapping[str, Any]) -> Dict[str, Any]:
    return {
        key: _merged(left.get(key) or {}, right.get(key) or {}) for key in [*left, *(k for k in right if k not in left)]
    }


def _leaves(fields: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    for key, below in fields.items():
        step = path if key == "." else (*path, key.partition(":")[2])
        if below:
            yield from _leaves(below, step)
        elif key != ".":
            yield step
