# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Objects that are there already and belong to somebody else: the last look before anything is written."""

from __future__ import annotations

from typing import List, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _adopt, _conflicts, _downgrade, _owner
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._inventory import Entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object


def check(items: Sequence[Item], recorded: Sequence[Entry], request: Request) -> List[Problem]:
    """One problem for each live object with another owner, unless the request adopts it."""
    known = {entry.id: entry.uid for entry in recorded if entry.uid}
    problems: List[Problem] = []
    for item in items:
        if item.live is None:
            continue
        if _adopt.kept(item.live):
            _adopt.keep(item.manifest.body)
        if item.id.kind == "Namespace" and item.id.group == "":
            _share(item.manifest.body, item.live)
        else:
            written = known.get(item.id) == item.live["metadata"].get("uid")
            problems += _foreign(item, item.live, request, written)
    return problems


def _foreign(item: Item, live: Object, request: Request, written: bool) -> List[Problem]:
    """A live object that somebody else has: from before us, or taken back since this component wrote it."""
    owner = _owner.owner(live, request.component)
    loss = [] if written else _loss(item, live, owner)
    if loss:
        return loss
    if owner is None:
        return []
    if owner.tool == _owner.CONTROLLER:
        return [item.problem("belongs to %s, which would undo every change: rename ours or take that away" % owner)]
    if request.existing != "adopt":
        text = (
            "%s %s. To take it over with its data, set existing to adopt "
            "(for a role of this collection: %s_existing: adopt); to keep it, leave ours out or rename it"
        )
        how = "was ours and was taken back by" if written else "is there already and belongs to"
        return [item.problem(text % (how, owner, request.component))]
    item.adopt_from = _adopt.from_managers(live)
    item.take_over += (_conflicts.EVERYTHING,)
    item.force = True
    item.note = "adopted from %s" % owner
    if "Helm" in owner.tool:
        _adopt.keep(item.manifest.body)
    return []


def _loss(item: Item, live: Object, owner: Optional[_owner.Owner]) -> List[Problem]:
    """A definition is never taken back to an older one: what is stored by the newer one would be cut."""
    if item.id.kind != "CustomResourceDefinition":
        return []
    lost = _downgrade.lacking(live, item.manifest.body)
    if not lost:
        return []
    release, whose = _downgrade.release_of(live), " of %s" % owner if owner else ""
    text = "the definition%s%s in the cluster is not ours, and ours can't take its place: %s. %s"
    advice = "Use the operator that brought it, or a release of ours that has all of this"
    return [item.problem(text % (whose, " (release %s)" % release if release else "", "; ".join(lost), advice))]


def _share(body: Object, live: Object) -> None:
    """A namespace may be used by many: whoever made it stays named as the one who manages it."""
    label = _owner.MANAGED_BY_LABEL
    theirs = ((live.get("metadata") or {}).get("labels") or {}).get(label)
    if theirs and not _owner.ours(live):
        body["metadata"]["labels"].pop(label, None)
