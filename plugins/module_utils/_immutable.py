# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Fields that can't be changed: what a refusal means and what can be done."""

from __future__ import annotations

import re
from typing import List, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _carry,
    _claims_plan,
    _data_kinds,
    _fields,
    _recreate,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify, faults
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._fields import MISSING, Difference
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Change, Object

FIXED = re.compile(
    r"immutable|may not change once set|may not be changed in an update|updates to .* (?:are|is) forbidden"
    r"|updates to \w+ spec for fields other than|updates may not change fields other than|cannot change roleRef"
    r"|failed rule: self == oldSelf",
    re.IGNORECASE,
)
"""How servers from 1.30 to 1.37, and definitions' own rules, say that a field can't be changed."""

_ALIASES: Mapping[Tuple[str, str], str] = {
    ("Service", "spec.clusterIPs[0]"): "spec.clusterIP",
    ("CSIDriver", "spec.attachedRequired"): "spec.attachRequired",
    ("PersistentVolume", "spec.persistentvolumesource"): "spec",
}
"""Where a refusal names another field than the one that was written."""

CLAIM_TEMPLATES = "spec.volumeClaimTemplates"
_MUTABLE_IN_STATEFUL_SETS = (
    "spec.replicas",
    "spec.ordinals",
    "spec.template",
    "spec.updateStrategy",
    "spec.revisionHistoryLimit",
    "spec.persistentVolumeClaimRetentionPolicy",
    "spec.minReadySeconds",
)
"""Servers before 1.36 blame the whole spec."""


def consider(client: EngineClient, item: Item, error: ApiError) -> Optional[List[Problem]]:
    """None where the refusal is about something else; an empty list where the item was marked to be recreated."""
    if item.live is None or classify(error) is not Answer.INVALID:
        return None
    found = faults(error)
    fixed = [path for path, message in found if FIXED.search(message)]
    if not fixed:
        return None
    problems = [item.problem(message, path) for path, message in found if not FIXED.search(message)]
    changed = _changed(item.id.kind, item.live, item.wanted, fixed)
    claims = [one for one in changed if item.id.kind == "StatefulSet" and one.path.startswith(CLAIM_TEMPLATES)]
    others = [one for one in changed if one not in claims]
    refusal = advice(item)
    if others and refusal:
        problems += [_problem(item, one, refusal) for one in others]
    if claims:
        problems += _claims_plan.plan(client, item)
    if problems:
        return problems
    item.policy = _recreate.way(item.id).policy if others else _recreate.ORPHAN
    item.kept = _carry.foreign(item.live, item.wanted)
    problems = _recreate.rehearse(client, item)
    if problems:
        return problems
    item.owners, item.force = None, False
    item.recreate, item.change, item.deferred = True, Change.CONFIGURED, ""
    names = ", ".join(dict.fromkeys(one.path for one in others)) or CLAIM_TEMPLATES
    item.say("deleted and created again, as %s can't be changed" % names)
    item.notable = True
    return []


def advice(item: Item) -> str:
    """What to do about a field that can't be changed; empty where the object may be deleted and created again."""
    way = _recreate.way(item.id)
    data = _data_kinds.why(item.id, item.live if way.policy != _recreate.ORPHAN else None)
    if data:
        return "It is never deleted for that, since %s: change the field back, or move the data by hand." % data
    if item.may_recreate:
        return ""
    text = "Change it back, or permit to delete and create it again (%s): %s"
    return text % (way.consequence, item.permit("recreate"))


def late(item: Item, error: ApiError) -> Optional[List[Problem]]:
    """The same for a refusal that came only when the object was written: nothing is deleted that wasn't predicted."""
    fixed = [path for path, message in faults(error) if FIXED.search(message)]
    if item.live is None or not fixed or classify(error) is not Answer.INVALID:
        return None
    text = advice(item) or "This came to light only now: run again, and it is planned."
    return [_problem(item, one, text) for one in _changed(item.id.kind, item.live, item.wanted, fixed)]


def _changed(kind: str, live: Object, wanted: Object, paths: List[str]) -> List[Difference]:
    """Old and new values below the fields that a refusal names."""
    found: List[Difference] = []
    for named in paths:
        path = _ALIASES.get((kind, named), named)
        old, new = _fields.at(live, path), _fields.at(wanted, path)
        below = _fields.differences(old, new, path) if new is not MISSING else []
        if kind == "StatefulSet" and path == "spec":
            below = [one for one in below if not one.path.startswith(_MUTABLE_IN_STATEFUL_SETS)]
        # Where all that is wanted is there, something that isn't wanted any more is.
        found += below or [Difference(path, old, new)]
    return list({one.path: one for one in found}.values())


def _problem(item: Item, one: Difference, what_to_do: str) -> Problem:
    old, new = _fields.told(item.live or {}, one.path), _fields.told(item.wanted, one.path)
    return item.problem("can't be changed: it is %s, the set has %s. %s" % (old, new, what_to_do), one.path)
