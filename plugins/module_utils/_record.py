# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Keeps a component's inventory true before, during and after a run."""

from __future__ import annotations

from typing import List, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _apply, _inventory, _live
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request


class Record:
    """Written before the first object, so that whatever a broken run leaves behind is on record."""

    def __init__(self, client: EngineClient, request: Request) -> None:
        self.namespace = request.inventory_namespace
        self._client = client
        self._component = request.component
        self._written: Optional[List[Entry]] = None

    def announce(self, items: Sequence[Item]) -> None:
        """Record everything that was there and everything that is to come."""
        recorded = _inventory.read(self._client, self.namespace, self._component)
        self._written = recorded
        self._write(_inventory.union(recorded or [], _entries(items)))

    def settle(self, items: Sequence[Item]) -> List[Entry]:
        """Record what is there now; return what the set no longer has. That stays on record until it is pruned."""
        wanted = _entries(items)
        known = {entry.id for entry in wanted}
        left = [e for e in self._written or [] if e.id not in known and self._exists(e)]
        self._write(_inventory.union(left, wanted))
        return left

    def _write(self, entries: List[Entry]) -> None:
        if not _inventory.same(self._written, entries):
            _inventory.write(self._client, self.namespace, self._component, entries)
            self._written = entries

    def _exists(self, entry: Entry) -> bool:
        resource = self._client.resource(entry.api_version, entry.id.kind)
        if resource is None:
            return False
        return _live.get(self._client, resource.path(entry.id.namespace, entry.id.name)) is not None


def _entries(items: Sequence[Item]) -> List[Entry]:
    return [Entry(item.api_version, item.id, _apply.uid(item.current_object)) for item in items]
