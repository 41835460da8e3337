# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Fields that can't be changed: what a refusal means and what can be done."""

from __future__ import annotations

from typing import List, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError


def consider(client: EngineClient, item: Item, error: ApiError) -> Optional[List[Problem]]:
    """None where the refusal is about something else; an empty list where the item was marked to be recreated."""
    return None
