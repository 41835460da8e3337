# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What others wrote into an object that is to be created again, so that it isn't lost.

An autoscaler's replicas or the annotation of kubectl rollout restart belong to their managers. An object created again
without them would be another: fewer pods, or all of them restarted.
"""

from __future__ import annotations

import copy
import json
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _drift, _fieldset
from ansible_collections.openhands.gpu_observability.plugins.module_utils._secret_fields import LAST_APPLIED
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

_NOT_KEPT = ("f:selector", "f:volumeClaimTemplates", "f:claimRef", "f:clusterIP", "f:clusterIPs")
_METADATA = ("f:labels", "f:annotations")
_LAST_APPLIED = "f:" + LAST_APPLIED
_CONTROLLER = "kube-controller-manager"
"""What the controllers themselves note in an object they write anew; only what was scaled is a wish."""


def foreign(live: Object, wanted: Object) -> Optional[Object]:
    """The fields of others, as a body that can be applied; None where there are none."""
    if wanted.get("kind") == "Secret":
        return None
    fields: Dict[str, Any] = {}
    ours = (_drift.own_entry(live) or {}).get("fieldsV1") or {}
    for entry in _fieldset.entries(live):
        if _counts(entry, live):
            fields = _union(fields, _outline(entry.get("fieldsV1") or {}))
    left = _without(fields, ours)
    bare: Object = {}
    graft(bare, live, left)
    _scaled(bare, live, ours)
    kept = _lacking(bare, wanted)
    if not kept:
        return None
    metadata = {key: wanted["metadata"][key] for key in ("name", "namespace") if key in wanted["metadata"]}
    head = {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"]}
    return {**head, **bare, "metadata": {**(bare.get("metadata") or {}), **metadata}}


def _scaled(bare: Object, live: Object, ours: Mapping[str, Any]) -> None:
    """Whoever scales to zero leaves no trace in managedFields; one is what the server writes by itself."""
    replicas = (live.get("spec") or {}).get("replicas")
    if isinstance(replicas, int) and replicas != 1 and "f:replicas" not in (ours.get("f:spec") or {}):
        bare.setdefault("spec", {}).setdefault("replicas", replicas)


def _counts(entry: Mapping[str, Any], live: Object) -> bool:
    if entry.get("manager") == _drift.FIELD_MANAGER or entry.get("apiVersion") != live.get("apiVersion"):
        return False
    subresource = entry.get("subresource") or ""
    return subresource == "scale" or (not subresource and entry.get("manager") != _CONTROLLER)


def _outline(fields: Mapping[str, Any]) -> Dict[str, Any]:
    """Only what may be kept. Nothing below a field means all of it, so what got empty goes."""
    found: Dict[str, Any] = {}
    for key, value in fields.items():
        if key == "f:metadata":
            inner = {name: _less(value[name], (_LAST_APPLIED,)) for name in _METADATA if value.get(name)}
            found[key] = {name: deep for name, deep in inner.items() if deep}
        elif key != "f:status":
            found[key] = _less(value, _NOT_KEPT) if value else value
    return {key: value for key, value in found.items() if value or not fields[key]}


def _less(fields: Mapping[str, Any], names: Tuple[str, ...]) -> Dict[str, Any]:
    return {key: value for key, value in fields.items() if key not in names}


def _union(left: Mapping[str, Any], right: Mapping[str, Any]) -> Dict[str, Any]:
    return {
        **left,
        **{
            key: _union(left.get(key) or {}, value) if isinstance(value, dict) else value
            for key, value in right.items()
        },
    }


def _without(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Dict[str, Any]:
    """Their fields less those that are ours too: those follow what is wanted."""
    left: Dict[str, Any] = {}
    for key, below in theirs.items():
        if key == ".":
            continue
        if key not in ours:
            left[key] = below
        elif below and ours[key]:
            rest = _without(below, ours[key])
            if rest:
                left[key] = rest
    return left


def graft(target: Any, source: Any, fields: Mapping[str, Any]) -> None:
    """Copy the fields (as managedFields writes them) from source into target; what target has stays."""
    for key, below in fields.items():
        if key.startswith("f:") and isinstance(source, dict) and key[2:] in source and isinstance(target, dict):
            _graft_member(target, key[2:], source[key[2:]], below)
        elif key.startswith("k:") and isinstance(source, list) and isinstance(target, list):
            keys = json.loads(key[2:])
            element = _matching(source, keys)
            if element is None:
                continue
            mine = _matching(target, keys)
            if mine is None:
                mine = dict(keys)
                target.append(mine)
            graft(mine, element, below)
        elif key.startswith("v:") and isinstance(target, list) and json.loads(key[2:]) not in target:
            target.append(json.loads(key[2:]))


def _graft_member(target: Dict[str, Any], name: str, value: Any, below: Mapping[str, Any]) -> None:
    deeper = {key: item for key, item in below.items() if key != "."}
    if below and not deeper:
        return  # theirs is only that it exists
    if not deeper or not isinstance(value, (dict, list)):
        target.setdefault(name, copy.deepcopy(value))
        return
    inner = target.setdefault(name, type(value)())
    graft(inner, value, deeper)
    if not inner:
        del target[name]


def _matching(elements: Any, keys: Mapping[str, Any]) -> Any:
    for element in elements:
        if isinstance(element, dict) and all(element.get(key) == value for key, value in keys.items()):
            return element
    return None


def _lacking(kept: Any, wanted: Any) -> bool:
    """Whether there is a field that the wanted body doesn't settle itself."""
    if isinstance(kept, dict) and isinstance(wanted, dict):
        return any(key not in wanted or _lacking(value, wanted[key]) for key, value in kept.items())
    return isinstance(kept, list) and kept != wanted


def joined(wanted: Object, kept: Optional[Object]) -> Object:
    """The wanted body with what was kept of others; what is wanted wins."""
    return wanted if kept is None else _joined(wanted, kept)


def _joined(wanted: Any, kept: Any) -> Any:
    if isinstance(wanted, dict) and isinstance(kept, dict):
        more = {key: value for key, value in kept.items() if key not in wanted}
        return {**{key: _joined(value, kept.get(key)) for key, value in wanted.items()}, **more}
    if isinstance(wanted, list) and isinstance(kept, list):
        return _joined_lists(wanted, kept)
    return wanted


def _joined_lists(wanted: Any, kept: Any) -> Any:
    """By name, as the lists are that others share with us."""
    by_name = {entry["name"]: entry for entry in kept if isinstance(entry, dict) and "name" in entry}
    ours = [
        _joined(entry, by_name.pop(entry.get("name"), None)) if isinstance(entry, dict) else entry for entry in wanted
    ]
    return ours + list(by_name.values())
