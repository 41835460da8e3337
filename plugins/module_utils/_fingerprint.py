# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether an object is as we left it, from two fingerprints and no dry run.

What an apply does follows from the wanted body, the live content and our managedFields entry. Where all three are as
they were recorded, applying again would change nothing, and nothing hangs on how the server keeps its books.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _drift, _mask
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item


def entry(item: Item) -> Entry:
    """What to record of an item. A Secret leaves no fingerprint: a short value could be guessed from it."""
    body = item.current_object or {}
    uid = str((body.get("metadata") or {}).get("uid") or "")
    owned = _drift.own_entry(body)
    if not uid or owned is None or _mask.is_secret(item.manifest.body):
        return Entry(item.api_version, item.id, uid)
    return Entry(item.api_version, item.id, uid, _print(item.manifest.body), _print([owned, _drift.content(body)]))


def untouched(item: Item, recorded: Entry) -> bool:
    """Whether the live object is the one recorded, is still wanted so, and nobody changed it since."""
    return bool(item.live and recorded.desired) and entry(item) == recorded


def _print(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
