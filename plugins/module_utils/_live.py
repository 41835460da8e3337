# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The live state of many objects: one list where many are of one kind, single reads otherwise."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _parallel
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Client, Object

LISTED_FROM = 5
"""As many objects of one kind and namespace are read by one list."""
LIST_LIMIT = 200
"""A longer list isn't read on: single reads are cheaper then."""


def read(client: EngineClient, items: Sequence[Item]) -> None:
    """Fill in ``live`` of every item whose kind is served."""
    groups: Dict[Tuple[str, str, str], List[Item]] = {}
    for item in items:
        if item.resource is not None:
            key = (item.resource.api_version, item.resource.kind, item.id.namespace)
            groups.setdefault(key, []).append(item)
    single: List[Item] = []
    for group in groups.values():
        if len(group) < LISTED_FROM or not _listed(client, group):
            single += group
    found = _parallel.each(lambda item: get(client, item.path()), single)
    for item, live in zip(single, found):
        item.live = live


def get(client: Client, path: str) -> Optional[Object]:
    """One object, or None where there is none."""
    try:
        return client.get(path)
    except ApiError as error:
        if classify(error) is Answer.NOT_FOUND:
            return None
        raise


def _listed(client: EngineClient, group: List[Item]) -> bool:
    resource = group[0].resource
    if resource is None or "list" not in resource.verbs:
        return False
    try:
        answer = client.get(resource.path(group[0].id.namespace), {"limit": str(LIST_LIMIT)})
    except ApiError as error:
        if classify(error) in (Answer.FORBIDDEN, Answer.NOT_FOUND):
            return False
        raise
    if (answer.get("metadata") or {}).get("continue"):
        return False
    by_name = {entry["metadata"]["name"]: entry for entry in answer.get("items") or []}
    for item in group:
        entry = by_name.get(item.id.name)
        if entry is not None:
            item.live = {"apiVersion": resource.api_version, "kind": resource.kind, **entry}
    return True
