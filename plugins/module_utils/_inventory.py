# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The record of what a component put into the cluster: one ConfigMap."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _live, _transform, _writes
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import inventory_name
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Client,
    Object,
    ObjectId,
)

KEY = "objects.json"
PACKED_KEY = "objects.json.gz"
PLAIN_BYTES = 400_000
"""A record up to this size is text that kubectl shows."""
MOST_BYTES = 950_000
"""A ConfigMap holds 1 MiB."""


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
    kept: str = ""
    """JSON of what others wrote into an object that is being deleted and created again; see _carry."""

    def to_json(self) -> Dict[str, str]:
        """As recorded."""
        known = {
            "api_version": self.api_version,
            "kind": self.id.kind,
            "namespace": self.id.namespace,
            "name": self.id.name,
            "uid": self.uid,
        }
        prints = {"desired": self.desired, "owned": self.owned, "kept": self.kept}
        return {**known, **{key: value for key, value in prints.items() if value}}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Entry:
        """Read a recorded object."""
        api_version = str(data["api_version"])
        identity = ObjectId(
            api_version.rpartition("/")[0], str(data["kind"]), str(data.get("namespace") or ""), str(data["name"])
        )
        prints = [str(data.get(key) or "") for key in ("uid", "desired", "owned", "kept")]
        return cls(api_version, identity, *prints)


def path(namespace: str, component: str) -> str:
    """The URL path of a component's record."""
    return "/api/v1/namespaces/%s/configmaps/%s" % (namespace, inventory_name(component))


def read(client: Client, namespace: str, component: str) -> Optional[List[Entry]]:
    """The recorded objects; None where the component has no record."""
    body = _live.get(client, path(namespace, component))
    if body is None:
        return None
    recorded = str(((body.get("metadata") or {}).get("labels") or {}).get(_transform.COMPONENT_LABEL) or component)
    if recorded != component:
        raise RolloutError(
            "ConfigMap %s/%s is the record of the component %s, not of %s: give one of them another name or another "
            "inventory_namespace." % (namespace, inventory_name(component), recorded, component)
        )
    return decode(body)


def decode(body: Mapping[str, Any], lenient: bool = False) -> List[Entry]:
    """The entries in a record. Raises RolloutError where it can't be read; lenient: reads none then."""
    try:
        packed = (body.get("binaryData") or {}).get(PACKED_KEY)
        text = gzip.decompress(base64.b64decode(packed)).decode("utf-8") if packed else (body.get("data") or {})[KEY]
        return [Entry.of(data) for data in json.loads(text)]
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError) as exc:
        if lenient:
            return []
        metadata = body.get("metadata") or {}
        raise RolloutError(
            "ConfigMap %s/%s: its key %s can't be read. It records what this component put into the cluster; "
            "restore it, or delete it to start a new record (what left the set before then is not pruned)."
            % (metadata.get("namespace"), metadata.get("name"), KEY)
        ) from exc


def encode(entries: Iterable[Entry]) -> Dict[str, Dict[str, str]]:
    """The data of a record: plain as long as that is small, then packed, at last without fingerprints."""
    known = list(entries)
    text = "[\n%s\n]" % ",\n".join(json.dumps(entry.to_json()) for entry in known)
    if len(text) <= PLAIN_BYTES:
        return {"data": {KEY: text}}
    for kept in (known, [replace(entry, desired="", owned="") for entry in known]):
        lines = ",\n".join(json.dumps(entry.to_json()) for entry in kept)
        packed = gzip.compress(("[\n%s\n]" % lines).encode("utf-8"), mtime=0)
        if len(packed) <= MOST_BYTES:
            return {"binaryData": {PACKED_KEY: base64.b64encode(packed).decode("ascii")}}
    raise RolloutError(
        "A record of %d objects is larger than a ConfigMap may be: split the component in two." % len(known)
    )


def union(recorded: Iterable[Entry], wanted: Iterable[Entry]) -> List[Entry]:
    """Everything of both; an object that is wanted keeps what was known of it until it is seen."""
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
    return (entry.id, entry.api_version, entry.uid + entry.kept, bool(entry.desired))


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
        **encode(entries),
    }
    _writes.apply(client, path(namespace, component), body, force=True)


def remove(client: Client, namespace: str, component: str) -> None:
    """Delete the record; it may have gone with its namespace."""
    try:
        client.send("DELETE", path(namespace, component))
    except ApiError as error:
        if classify(error) is not Answer.NOT_FOUND:
            raise
