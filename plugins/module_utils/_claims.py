# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Claim templates of a StatefulSet: what may become of a difference. No server is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _quantity
from ansible_collections.openhands.gpu_observability.plugins.module_utils._fields import MISSING, shown
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

_FIXED: Tuple[Tuple[str, Any], ...] = (
    ("storageClassName", MISSING),
    ("accessModes", MISSING),
    ("volumeMode", "Filesystem"),
    ("selector", MISSING),
    ("dataSource", MISSING),
    ("dataSourceRef", MISSING),
    ("volumeName", MISSING),
)
"""Fields of a claim that can't change, and what the server writes where none is named."""
_WAY_OUT = "claims that exist keep what they were made with: change it back, or move the data to a new set by hand"


@dataclass(frozen=True)
class Fault:
    """A difference that can't be had."""

    field: str
    message: str


@dataclass(frozen=True)
class Growth:
    """A template that asks for more."""

    template: str
    old: str
    new: str


def decide(live: Object, wanted: Object) -> Tuple[List[Growth], List[Fault]]:
    """What the wanted templates mean for claims that exist: growth is possible, anything else isn't."""
    old, new = _templates(live), _templates(wanted)
    faults = [
        Fault("spec.volumeClaimTemplates[%s]" % name, "can't be %s: %s" % (what, _WAY_OUT))
        for names, what in ((sorted(set(new) - set(old)), "added"), (sorted(set(old) - set(new)), "removed"))
        for name in names
    ]
    growths: List[Growth] = []
    for name in [name for name in new if name in old]:
        faults += _fixed(name, old[name], new[name])
        before, after = _storage(old[name]), _storage(new[name])
        if size(after) < size(before):
            text = "can't shrink from %s to %s: data would be lost. Ask for at least %s" % (before, after, before)
            faults.append(Fault("spec.volumeClaimTemplates[%s].spec.resources.requests.storage" % name, text))
        elif size(after) > size(before):
            growths.append(Growth(name, before, after))
    return growths, faults


def _fixed(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> List[Fault]:
    found = []
    for field, default in _FIXED:
        before = (old.get("spec") or {}).get(field, default)
        after = (new.get("spec") or {}).get(field, default)
        if before != after:
            text = "can't change from %s to %s: %s" % (shown(before), shown(after), _WAY_OUT)
            found.append(Fault("spec.volumeClaimTemplates[%s].spec.%s" % (name, field), text))
    return found


def _templates(body: Object) -> Dict[str, Mapping[str, Any]]:
    templates = (body.get("spec") or {}).get("volumeClaimTemplates") or ()
    return {str((one.get("metadata") or {}).get("name")): one for one in templates}


def _storage(template: Mapping[str, Any]) -> str:
    return str((((template.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage") or "0")


def size(quantity: Any) -> Decimal:
    """Bytes that a quantity stands for; 0 where it can't be read."""
    return _quantity.amount(quantity) or Decimal(0)


def of_set(claims: Sequence[Object], template: str, name: str) -> List[Object]:
    """The claims that a set made from a template, those of replicas that were scaled away too."""
    own = re.compile(r"^%s-%s-\d+$" % (re.escape(template), re.escape(name)))
    found = [claim for claim in claims if own.match(str(claim["metadata"].get("name")))]
    return sorted(found, key=lambda claim: int(str(claim["metadata"]["name"]).rpartition("-")[2]))


def to_grow(claims: Sequence[Object], new: str) -> List[Object]:
    """Those that ask for less; one that was grown by hand already stays as it is."""
    return [claim for claim in claims if size(_storage(claim)) < size(new)]


def unable(claim: Object, storage_class: Optional[Object]) -> str:
    """Why a claim can't grow; empty where it can."""
    phase = (claim.get("status") or {}).get("phase")
    name = (claim.get("spec") or {}).get("storageClassName") or ""
    if phase != "Bound":
        return "it is %s: only a bound claim can grow; it holds no data yet, so delete it by hand and run again" % (
            phase or "not looked at yet"
        )
    if storage_class is None:
        return "its StorageClass %s doesn't exist, so it can't grow" % (name or "(none)")
    if storage_class.get("allowVolumeExpansion") is not True:
        return "its StorageClass %s doesn't allow growth (allowVolumeExpansion)" % name
    return ""


def progress(claim: Object) -> str:
    """What is still to come after a claim was told to grow; empty where it has grown."""
    status = claim.get("status") or {}
    has, wants = str((status.get("capacity") or {}).get("storage") or "0"), _storage(claim)
    if size(has) >= size(wants):
        return ""
    reasons = {
        "FileSystemResizePending": "the file system grows when a pod next mounts it",
        "Resizing": "its volume is being resized",
        "ControllerResizeError": "resizing the volume failed",
        "NodeResizeError": "resizing the file system failed",
    }
    for condition in status.get("conditions") or ():
        if condition.get("type") in reasons and condition.get("status") == "True":
            said = ": %s" % condition["message"] if condition.get("message") else ""
            return "has %s of %s: %s%s" % (has, wants, reasons[condition["type"]], said)
    return "has %s of %s: its provisioner's resizer has not begun" % (has, wants)
