# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What the request permits for single objects."""

from __future__ import annotations

from typing import Iterable, List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _conflicts, _data_kinds
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
            if entry.option == "recreate" and _data_kinds.why(item.id):
                text = "can't be permitted: %s" % _data_kinds.why(item.id)
                problems.append(Problem(text, entry.option, str(item.id)))
            item.may_recreate = item.may_recreate or entry.option == "recreate"
    for item in items:
        item.may_delete_data = may_delete_data(item, request)
    return problems


def may_delete_data(item: Item, request: Request) -> bool:
    """Whether delete_data names the object."""
    return any(entry.matches(item.api_version, item.id) for entry in request.delete_data)


def unused(request: Request, items: Iterable[Item]) -> List[str]:
    """A warning for each entry of delete_data that means nothing here, as after what it permitted was done."""
    known = list(items)
    return [
        "delete_data: %s %s is nothing that this component has here: remove the entry, or mend it if it is misspelt."
        % (entry.kind, entry.name)
        for entry in request.delete_data
        if not any(entry.matches(item.api_version, item.id) for item in known)
    ]
