# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Recorded objects as items, and whose they are now."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _drift, _live, _transform
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Manifest,
    Object,
    ObjectId,
    Resource,
)


def item_of(client: EngineClient, entry: Entry) -> Item:
    """A recorded object as an item; its kind is looked up in any version that the server still serves."""
    resource = served(client, entry.api_version, entry.id)
    metadata = {"name": entry.id.name}
    if entry.id.namespace:
        metadata["namespace"] = entry.id.namespace
    api_version = resource.api_version if resource is not None else entry.api_version
    body: Object = {"apiVersion": api_version, "kind": entry.id.kind, "metadata": metadata}
    return Item(Manifest(body, "the record"), entry.id, resource)


def served(client: EngineClient, api_version: str, identity: ObjectId) -> Optional[Resource]:
    """How the server serves a recorded kind; None where it doesn't. Raises ApiError where it can't tell."""
    resource = client.resource(api_version, identity.kind)
    if resource is not None:
        return resource
    same = [one for one in client.resources() if (one.group, one.kind) == (identity.group, identity.kind)]
    return same[0] if same else None


def unknown(client: EngineClient, entry: Entry) -> bool:
    """Whether an aggregated API that is down keeps from us what became of this object."""
    try:
        served(client, entry.api_version, entry.id)
    except ApiError as error:
        if error.status == 503:
            return True
        raise
    return False


def not_ours(live: Mapping[str, Any], component: str, entry: Optional[Entry]) -> str:
    """Why an object isn't this component's; empty where it is."""
    metadata = live.get("metadata") or {}
    if entry is not None and entry.uid and metadata.get("uid") != entry.uid:
        return "somebody else created it anew: it isn't the object on record any more"
    label = (metadata.get("labels") or {}).get(_transform.COMPONENT_LABEL)
    if label == component:
        return ""
    if label:
        return "it belongs to the component %s now" % label
    if entry is not None and _drift.own_entry(live):
        return ""
    return "this component didn't create it"


def read(client: EngineClient, item: Item) -> None:
    """Read the live object again."""
    item.live = _live.get(client, item.path()) if item.resource is not None else None
