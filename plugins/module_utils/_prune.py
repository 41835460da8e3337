# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Objects that left the set: deleted once the new set is current, and nothing that holds data."""

from __future__ import annotations

from typing import List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._apply import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Emit


def plan(client: EngineClient, request: Request, recorded: Sequence[Entry], items: Sequence[Item]) -> List[Item]:
    """Items for what the record lists, the set no longer has and the cluster still has: deleted or skipped with why."""
    return []


def run(client: EngineClient, request: Request, doomed: Sequence[Item], emit: Emit, clock: Clock) -> None:
    """Delete, last stage first, and wait until it is gone."""
