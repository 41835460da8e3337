# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What the request permits for single objects."""

from __future__ import annotations

from typing import List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _conflicts
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request


def grant(items: Sequence[Item], request: Request) -> List[Problem]:
    """Mark the items that take_over, recreate and delete_data name; an entry that names none is a problem."""
    problems = []
    for entry in [*request.take_over, *request.recreate]:
        meant = [item for item in items if entry.matches(item.api_version, item.id)]
        if not meant:
            problems.append(Problem("matches no object of the set", entry.option, "%s %s" % (entry.kind, entry.name)))
        for item in meant:
            problems += _conflicts.misspelt(item, entry.fields)
            item.take_over += entry.fields
            item.may_recreate = item.may_recreate or entry.option == "recreate"
    for item in items:
        item.may_delete_data = any(entry.matches(item.api_version, item.id) for entry in request.delete_data)
    return problems
