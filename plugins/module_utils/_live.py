# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The live state of many objects, in as few calls as there are kinds and whatever else the cluster holds.

Objects of ours carry their component's label, so one list with that selector finds all that an earlier run wrote.
What it doesn't find is new, or lost its label: a short list of everything may tell, else each is asked for.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _pages, _parallel
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._transform import COMPONENT_LABEL
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Client,
    Object,
    Resource,
)

LISTED_FROM = 5
"""As many objects of one kind and namespace are read by lists."""
LIST_LIMIT = 200
"""A longer list of everybody's objects, or one of twice as many as are wanted, isn't read on: single reads are less."""
LARGE = frozenset({"CustomResourceDefinition"})
"""Kinds whose objects are so large that somebody else's are never worth reading."""


class _Group(NamedTuple):
    resource: Resource
    namespace: str
    component: str


def read(client: EngineClient, items: Sequence[Item], component: str = "") -> None:
    """Fill in ``live`` of every item whose kind is served. component: whose items without a label are."""
    groups: Dict[_Group, List[Item]] = {}
    for item in items:
        if item.resource is not None:
            group = _Group(item.resource, item.id.namespace, _component(item) or component)
            groups.setdefault(group, []).append(item)
    single: List[Item] = []
    for group, members in groups.items():
        single += _listed(client, group, members)
    found = _parallel.each(lambda item: get(client, item.path()), single)
    for item, live in zip(single, found):
        item.live = live


def get(client: Client, path: str) -> Optional[Object]:
    """One object, or None where there is none."""
    return _found(client.get, path)


def metadata(client: EngineClient, path: str) -> Optional[Object]:
    """One object without its content, or None where there is none."""
    return _found(client.metadata, path)


def _found(ask: Callable[[str], Object], path: str) -> Optional[Object]:
    try:
        return ask(path)
    except ApiError as error:
        if classify(error) is Answer.NOT_FOUND:
            return None
        raise


def _component(item: Item) -> str:
    return str(((item.manifest.body.get("metadata") or {}).get("labels") or {}).get(COMPONENT_LABEL) or "")


def _listed(client: EngineClient, group: _Group, members: List[Item]) -> List[Item]:
    """Read members by lists; return those that have to be asked for one by one."""
    if len(members) < LISTED_FROM or "list" not in group.resource.verbs:
        return members
    missing = {item.id.name: item for item in members}
    try:
        if group.component:
            _take(_ours(client, group), group, missing)
        if len(missing) >= LISTED_FROM and group.resource.kind not in LARGE:
            limit = min(LIST_LIMIT, 2 * len(missing))
            answer = client.get(group.resource.path(group.namespace), {"limit": str(limit)})
            _take(answer.get("items") or [], group, missing)
            if not _pages.more(answer):
                for item in missing.values():
                    item.live = None
                return []
    except ApiError as error:
        if classify(error) not in (Answer.FORBIDDEN, Answer.NOT_FOUND):
            raise
    return list(missing.values())


def _ours(client: EngineClient, group: _Group) -> Iterator[Object]:
    """Everything of one kind and namespace that carries the component's label."""
    query = {"labelSelector": "%s=%s" % (COMPONENT_LABEL, group.component)}
    return _pages.objects(client, group.resource.path(group.namespace), query)


def _take(found: Iterable[Object], group: _Group, missing: Dict[str, Item]) -> None:
    for entry in found:
        item = missing.pop(entry["metadata"]["name"], None)
        if item is not None:
            item.live = {"apiVersion": group.resource.api_version, "kind": group.resource.kind, **entry}
