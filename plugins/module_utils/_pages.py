# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Long lists, a page in memory at a time."""

from __future__ import annotations

from typing import Iterator, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Client, Object

SIZE = 500
"""Objects to a page, as kubectl has it: no answer gets much larger than that."""


def objects(client: Client, path: str, query: Optional[Mapping[str, str]] = None) -> Iterator[Object]:
    """Every object of a list, as the server sends it: the items of a list say neither their kind nor their version."""
    asked = {**(query or {}), "limit": str(SIZE)}
    while True:
        answer = client.get(path, asked)
        yield from answer.get("items") or []
        following = more(answer)
        if not following:
            return
        asked["continue"] = following


def more(answer: Object) -> str:
    """Where a list that was cut off goes on; empty where it wasn't."""
    return str((answer.get("metadata") or {}).get("continue") or "")
