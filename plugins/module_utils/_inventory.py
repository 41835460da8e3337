# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The record of what a component put into the cluster: one ConfigMap."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _dry_run, _live, _transform
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import inventory_name
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Client, Object, ObjectId

KEY = "objects.json"


@dataclass(frozen=True)
class Entry:
    """One recorded object; ``uid`` is empty until it was seen.

    ``desired`` and ``owned`` are fingerprints of what was wanted and of what was there then; see _fingerprint.
    """

    api_version: str
    id: ObjectId
    uid: str = ""
    desired: str = ""
    owned: str = ""

    def to_json(self) -> Dict[str, str]:
        """As recorded."""
        known = {
            "api_version": self.api_version,
            "kind": self.id.kind,
            "namespace": self.id.namespace,
            "name": self.id.name,
            "uid": self.uid,
        }
        prints = {"desired": self.desired, "owned": self.owned}
        return {**known, **{key: value for key, value in prints.items() if value}}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Entry:
        """Read a recorded object."""
        api_version = str(data["api_version"])
        identity = ObjectId(
            api_version.rpartition("/")[0], str(data["kind"]), str(data.get("namespace") or ""), str(data["name"])
        )
        prints = [str(data.get(key) or "") for key in ("uid", "desired", "owned")]
        return cls(api_version, identity, *prints)


def path(namespace: str, component: str) -> str:
    """The URL path of a component's record."""
    return "/api/v1/namespaces/%s/configmaps/%s" % (namespace, inventory_name(component))


def read(client: Client, namespace: str, component: str) -> Optional[List[Entry]]:
    """The recorded objects; None where the component has no record."""
    body = _live.get(client, path(namespace, component))
    if body is None:
        return None
    try:
        return [Entry.of(data) for data in json.loads((body.get("data") or {}).get(KEY) or "[]")]
    except (ValueError, KeyError, TypeError) as exc:
        raise RolloutError(
            "ConfigMap %s/%s: its key %s can't be read. It records what this component put into the cluster; "
            "restore it, or delete it to start a new record." % (namespace, inventory_name(component), KEY)
        ) from exc


def union(recorded: Iterable[Entry], wanted: Iterable[Entry]) -> List[Entry]:
    """Everything of both; an object that hasn't been seen yet keeps what was known of it."""
    merged: Dict[ObjectId, Entry] = {}
    for entry in recorded:
        merged[entry.id] = entry
    for entry in wanted:
        known = merged.get(entry.id)
        merged[entry.id] = known if known is not None and not entry.uid else entry
    return sorted(merged.values(), key=lambda entry: entry.id)


def same(left: Optional[Iterable[Entry]], right: Iterable[Entry]) -> bool:
    """Whether two records say the same."""
    return left is not None and sorted(left, key=lambda e: e.id) == sorted(right, key=lambda e: e.id)


def good_enough(old: Optional[Iterable[Entry]], new: Iterable[Entry]) -> bool:
    """Whether an old record lists the same objects, with fingerprints wherever there can be any."""
    return old is not None and set(map(_outline, old)) == set(map(_outline, new))


def _outline(entry: Entry) -> Tuple[ObjectId, str, str, bool]:
    return (entry.id, entry.api_version, entry.uid, bool(entry.desired))


def write(client: EngineClient, namespace: str, component: str, entries: List[Entry]) -> None:
    """Record the objects."""
    body: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": inventory_name(component),
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/managed-by": _transform.MANAGED_BY,
                "app.kubernetes.io/part-of": _transform.PART_OF,
                _transform.COMPONENT_LABEL: component,
            },
        },
        "data": {KEY: "[\n%s\n]" % ",\n".join(json.dumps(entry.to_json()) for entry in entries)},
    }
    _dry_run.patch(client, path(namespace, component), body, force=True)


def remove(client: Client, namespace: str, component: str) -> None:
    """Delete the record."""
    client.send("DELETE", path(namespace, component))
