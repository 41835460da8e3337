# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Fields that somebody else owns: a small policy decides who may be overruled, and a sentence says what to do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _fieldpath, _fieldset, _managers
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._fields import told
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

EVERYTHING = "*"
"""As an entry of an item's take_over: whatever the field and whoever its owner."""

_OWNER = re.compile(
    r'conflict with (?P<manager>"(?:\\.|[^"\\])*")'
    r'(?: with subresource (?P<subresource>"(?:\\.|[^"\\])*"))?'
    r"(?P<update> using (?P<version>\S+)(?: at (?P<time>\S+))?)?"
)
"""How the server names an owner (k8s.io/apimachinery, util/managedfields/internal/conflict.go): one that applied
has no version, one that updated has."""


@dataclass(frozen=True)
class Conflict:
    """One field and who owns it; ``since`` is when its owner last changed it, where that is known."""

    manager: str
    field: str
    operation: str = ""
    subresource: str = ""
    since: str = ""

    def owner(self, live: Mapping[str, Any]) -> str:
        """The owner as a person would look it up in managedFields, which has the time that the server left out."""
        since = self.since or next(
            (str(e["time"]) for e in _fieldset.entries(live) if self._is(e) and e.get("time")), ""
        )
        details = [self.operation] if self.operation else []
        details += ["subresource %s" % self.subresource] if self.subresource else []
        details += ["at %s" % since] if since else []
        known = " (%s)" % ", ".join(details) if details else ""
        return (self.manager or "another program") + known

    def _is(self, entry: Mapping[str, Any]) -> bool:
        mine = (self.manager, self.operation, self.subresource)
        return mine == (entry.get("manager"), entry.get("operation"), entry.get("subresource") or "")


def read(error: ApiError) -> List[Conflict]:
    """List the conflicts of a refused apply."""
    found = []
    for cause in error.details.get("causes") or ():
        match = _OWNER.search(str(cause.get("message") or ""))
        part = match.groupdict() if match else {}
        found.append(
            Conflict(
                _unquoted(part.get("manager")),
                str(cause.get("field") or "").lstrip("."),
                ("Update" if part.get("update") else "Apply") if match else "",
                _unquoted(part.get("subresource")),
                part.get("time") or "",
            )
        )
    return found


def _unquoted(text: Any) -> str:
    try:
        return str(json.loads(text)) if text else ""
    except ValueError:
        return str(text).strip('"')


def judge(item: Item, conflicts: Sequence[Conflict]) -> List[Problem]:
    """One problem for each field that may not be taken over; none where all of them may."""
    live = item.live or {}
    granted = [place for place in (_fieldpath.find(item.wanted, path) for path in item.take_over) if place is not None]
    every = EVERYTHING in item.take_over
    left = []
    for conflict in conflicts:
        place = _fieldpath.find(item.wanted, conflict.field)
        asked = place is not None and any(_fieldpath.below(place, parent) for parent in granted)
        if not (every or asked or _managers.may_overrule(conflict.manager, live)):
            left.append(item.problem(sentence(item, conflict), conflict.field))
    if not conflicts:
        left.append(item.problem("belongs to another field manager, which the server doesn't name"))
    return left


def misspelt(item: Item, paths: Sequence[str]) -> List[Problem]:
    """Entries of take_over that lead to no field of the object."""
    unknown = [path for path in paths if path != EVERYTHING and _fieldpath.find(item.manifest.body, path) is None]
    text = "take_over: the set has no such field in this object, so there is nothing to take over"
    return [item.problem(text, path) for path in unknown]


def sentence(item: Item, conflict: Conflict) -> str:
    """What to tell the person: the owner, both values, and what can be done."""
    path = json.dumps(conflict.field) if "'" in conflict.field else "'%s'" % conflict.field
    return "is owned by the field manager %s: it is %s, the set has %s. Leave the field out of the set, or %s" % (
        conflict.owner(item.live or {}),
        told(item.live or {}, conflict.field),
        told(item.wanted, conflict.field),
        "take it over: " + item.permit("take_over", ", fields: [%s]" % path),
    )


def took(conflicts: Sequence[Conflict]) -> str:
    """The note of an object whose fields were taken over."""
    owners = ", ".join(sorted({conflict.manager for conflict in conflicts}))
    return "took %s over from %s" % (", ".join(conflict.field for conflict in conflicts), owners)
