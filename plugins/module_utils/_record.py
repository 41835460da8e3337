# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Keeps a component's inventory true before, during and after a run."""

from __future__ import annotations

from typing import List, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _fingerprint, _inventory, _live
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Change


class Record:
    """Written before the first object, so that whatever a broken run leaves behind is on record."""

    def __init__(self, client: EngineClient, request: Request, recorded: Optional[List[Entry]]) -> None:
        self.namespace = request.inventory_namespace
        self._client = client
        self._component = request.component
        self._written = recorded

    def announce(self, items: Sequence[Item]) -> None:
        """Record everything that was there and everything that is to come."""
        coming = [Entry(item.api_version, item.id) for item in items]
        self._write(_inventory.union(self._written or [], coming))

    def settle(self, items: Sequence[Item]) -> List[Entry]:
        """Record what is there now; return what the set no longer has. That stays on record until it is pruned."""
        wanted = [_fingerprint.entry(item) for item in items]
        known = {entry.id for entry in wanted}
        left = [e for e in self._written or [] if e.id not in known and self._exists(e)]
        entries = _inventory.union(left, wanted)
        # A run that changed nothing writes nothing: fingerprints are renewed by the next one that does.
        idle = all(item.change is Change.UNCHANGED for item in items)
        if not (idle and _inventory.good_enough(self._written, entries)):
            self._write(entries)
        return left

    def _write(self, entries: List[Entry]) -> None:
        if not _inventory.same(self._written, entries):
            _inventory.write(self._client, self.namespace, self._component, entries)
            self._written = entries

    def _exists(self, entry: Entry) -> bool:
        try:
            resource = self._client.resource(entry.api_version, entry.id.kind)
        except ApiError as error:
            if error.status == 503:  # an aggregated API that is down tells nothing: the object stays on record
                return True
            raise
        if resource is None:
            return False
        return _live.get(self._client, resource.path(entry.id.namespace, entry.id.name)) is not None
