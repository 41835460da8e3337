# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Keeps a component's inventory true before, during and after a run."""

from __future__ import annotations

import json
from typing import FrozenSet, List, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _fingerprint, _inventory, _recorded
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Change, ObjectId


class Record:
    """Written before the first object, so that whatever a broken run leaves behind is on record."""

    def __init__(self, client: EngineClient, request: Request, recorded: Optional[List[Entry]]) -> None:
        self.namespace = request.inventory_namespace
        self._client = client
        self._component = request.component
        self._written = recorded

    def remember(self, items: Sequence[Item]) -> None:
        """Give back to items that an earlier run deleted, and didn't get to create again, what others had set."""
        known = {entry.id: entry for entry in self._written or []}
        for item in items:
            entry = known.get(item.id)
            if item.live is None and entry is not None and entry.kept:
                item.kept = json.loads(entry.kept)

    def announce(self, items: Sequence[Item]) -> None:
        """Record everything that was there and everything that is to come.

        An object that comes anew has no UID yet: the old one would make it somebody else's, should this run break.
        """
        known = {entry.id: entry for entry in self._written or []}
        coming = {item.id: self._announced(item, known.get(item.id)) for item in items}
        self._write(_inventory.union([entry for entry in known.values() if entry.id not in coming], coming.values()))

    @staticmethod
    def _announced(item: Item, known: Optional[Entry]) -> Entry:
        if known is not None and known.uid == item.uid and item.uid and not item.recreate:
            return known
        kept = json.dumps(item.kept, sort_keys=True) if item.kept else ""
        return Entry(item.api_version, item.id, kept=kept)

    def settle(self, items: Sequence[Item], leaving: FrozenSet[ObjectId]) -> None:
        """Record what is there now; leaving: what left the set and is still there."""
        wanted = [_fingerprint.entry(item) for item in items]
        known = {entry.id for entry in wanted}
        left = [e for e in self._written or [] if e.id not in known and (e.id in leaving or self._unknown(e))]
        entries = _inventory.union(left, wanted)
        # A run that changed nothing writes nothing: fingerprints are renewed by the next one that does.
        idle = all(item.change is Change.UNCHANGED for item in items)
        if not (idle and _inventory.good_enough(self._written, entries)):
            self._write(entries)

    def _unknown(self, entry: Entry) -> bool:
        return _recorded.unknown(self._client, entry)

    def _write(self, entries: List[Entry]) -> None:
        if not _inventory.same(self._written, entries):
            _inventory.write(self._client, self.namespace, self._component, entries)
            self._written = entries
