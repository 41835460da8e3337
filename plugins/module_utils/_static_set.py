# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Faults between the objects of a set that no dry run can see: equal node ports, sums against a quota."""

from __future__ import annotations

from typing import List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item


def check(client: EngineClient, items: Sequence[Item]) -> List[Problem]:
    """Look at the whole set at once."""
    return []
