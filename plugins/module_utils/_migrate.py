# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What people wrote before us becomes ours, so that a field which leaves our set later really goes away.

Server-side apply removes only what nobody but its manager owns. Whoever has kubectl's old entry beside ours keeps every
field alive for ever. So the entries of people give up what we own too, and those who wrote the whole object from a file
(kubectl apply, create, replace) give up everything: what their file had and ours hasn't goes, as it does when one file
takes another's place. What somebody added by hand and we don't speak of (a label, an annotation) stays with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _fieldset, _managers, _mask
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._drift import (
    FIELD_MANAGER,
    is_ours,
    own_entry,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._fieldset import Path
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object, ObjectId

JSON_PATCH = "application/json-patch+json"
SHARED: FrozenSet[Tuple[str, str]] = frozenset(
    {("", "Namespace"), ("", "Secret"), ("", "PersistentVolumeClaim"), ("", "PersistentVolume")}
)
"""(group, kind) that others put things into, or that hold what can't be had again: nothing of theirs goes unasked."""
_ANNOTATION = ("f:metadata", "f:annotations", "f:" + _mask.LAST_APPLIED)


@dataclass(frozen=True)
class Move:
    """managedFields as they shall be, and the fields that go with the next apply because nobody else holds them."""

    entries: List[Object]
    dropped: FrozenSet[Path]
    managers: Tuple[str, ...]


def plan(
    live: Mapping[str, Any],
    planned: Mapping[str, Any],
    shared: bool,
    adopted: FrozenSet[str] = frozenset(),
) -> Optional[Move]:
    """How managedFields have to change; None where no person holds anything that is ours.

    planned: the dry run's answer, whose entry of ours tells what we shall own.
    shared: whether what others have beside ours stays theirs.
    adopted: managers that give up everything though they aren't people, such as Helm.
    """
    ours, wanted = own_entry(live) or {}, own_entry(planned)
    if wanted is None:
        return None
    new = _fieldset.paths(wanted.get("fieldsV1") or {})
    before = _fieldset.paths(ours.get("fieldsV1") or {})
    version = ours.get("apiVersion") or wanted.get("apiVersion")
    rest: List[Object] = []
    taken: FrozenSet[Path] = frozenset()
    lost: FrozenSet[Path] = frozenset()
    givers: List[str] = []
    for entry in _fieldset.entries(live):
        if is_ours(entry):
            continue
        held = _fieldset.paths(entry.get("fieldsV1") or {})
        whole = _gives_all(entry, shared, adopted)
        given = _given(entry, held, new | before, whole)
        if given and given & _still_held(entry, planned):
            givers.append(str(entry.get("manager")))
            if entry.get("apiVersion") == version:
                taken |= given
            else:
                given &= new | before
            lost |= given
            held = frozenset() if whole and entry.get("apiVersion") == version else held - given - {_ANNOTATION}
        if held:
            rest.append({**entry, "fieldsV1": _fieldset.tree(held)} if given else entry)
    if not givers:
        return None
    fields = _fieldset.tree((before | taken) - {_ANNOTATION})
    made = {"manager": FIELD_MANAGER, "operation": "Apply", "apiVersion": version, "fieldsType": "FieldsV1"}
    return Move([*rest, {**made, "fieldsV1": fields}], _dropped(lost, new, rest), tuple(dict.fromkeys(givers)))


def _gives_all(entry: Mapping[str, Any], shared: bool, adopted: FrozenSet[str]) -> bool:
    manager, operation = str(entry.get("manager")), str(entry.get("operation"))
    by_file = (manager, operation) in _managers.WHOLE and not shared
    return not entry.get("subresource") and (manager in adopted or by_file)


def is_shared(identity: ObjectId) -> bool:
    """Whether others put things into objects of this kind, or it holds what can't be had again."""
    return (identity.group, identity.kind) in SHARED


def _given(entry: Mapping[str, Any], held: FrozenSet[Path], ours: FrozenSet[Path], whole: bool) -> FrozenSet[Path]:
    """What a manager gives up of what it holds."""
    manager = str(entry.get("manager"))
    person = _managers.is_person(manager) or manager in (_managers.KEPT, _managers.UNKNOWN)
    if entry.get("subresource") or not (whole or person):
        return frozenset()
    return frozenset(path for path in held if path in ours or (whole and _movable(path)))


def _movable(path: Path) -> bool:
    """Finalizers, owners and a status are nobody's to take away."""
    if path[0] == "f:metadata":
        return len(path) > 1 and path[1] in ("f:labels", "f:annotations")
    return path[0] != "f:status"


def _still_held(entry: Mapping[str, Any], planned: Mapping[str, Any]) -> FrozenSet[Path]:
    """What the same manager would hold after our apply: what that takes by force needs no move."""
    key = ("manager", "operation", "subresource", "apiVersion")
    for other in _fieldset.entries(planned):
        if all(other.get(name) == entry.get(name) for name in key):
            return _fieldset.paths(other.get("fieldsV1") or {})
    return frozenset()


def _dropped(lost: FrozenSet[Path], wanted: FrozenSet[Path], rest: List[Object]) -> FrozenSet[Path]:
    staying = wanted.union(*(_fieldset.paths(entry.get("fieldsV1") or {}) for entry in rest))
    parents = {path[:length] for path in staying for length in range(1, len(path) + 1)}
    own = {_ANNOTATION[:length] for length in range(1, len(_ANNOTATION) + 1)}
    return frozenset(path for path in lost if path not in parents and path not in own)


def gone(live: Mapping[str, Any], planned: Mapping[str, Any], dropped: FrozenSet[Path]) -> FrozenSet[Path]:
    """What of it really changes: kubectl also holds the defaults that came with its object, and those come back."""
    return frozenset(path for path in dropped if _value(live, path) != _value(planned, path))


def _value(body: Mapping[str, Any], path: Path) -> Tuple[bool, Any]:
    place = _fieldset.locate(body, path)
    return (place is not None, None if place is None else _fieldset.value(body, place))


def names(dropped: FrozenSet[Path]) -> List[str]:
    """Dropped fields for a message: a list's item as one, a map by its keys."""
    inside = {path[:length] for path in dropped for length in range(1, len(path))}
    whole = {path for path in dropped if not path[-1].startswith("f:")}
    shown = []
    for path in dropped:
        parents = {path[:length] for length in range(1, len(path))}
        if not parents & whole and (path in whole or path not in inside):
            shown.append(_fieldset.text(path))
    return sorted(shown)


def forgets(live: Mapping[str, Any], entries: List[Object]) -> bool:
    """Whether kubectl's record of what it applied goes: nobody is left who would read it."""
    known = any(_ANNOTATION in _fieldset.paths(entry.get("fieldsV1") or {}) for entry in entries)
    return _mask.LAST_APPLIED in (live["metadata"].get("annotations") or {}) and not known


def without_record(planned: Object) -> Object:
    """A copy that lacks kubectl's record."""
    place = _fieldset.locate(planned, _ANNOTATION)
    return dict(_fieldset.without(planned, [place] if place else []))


def staying(live: Mapping[str, Any], planned: Mapping[str, Any], entries: Optional[List[Object]]) -> List[str]:
    """What we give up and stays all the same, each with who holds it: as words for a message."""
    before = _fieldset.paths((own_entry(live) or {}).get("fieldsV1") or {})
    left = before - _fieldset.paths((own_entry(planned) or {}).get("fieldsV1") or {})
    found: Dict[str, List[str]] = {}
    for entry in (_fieldset.entries(planned) if entries is None else entries) if left else ():
        if not is_ours(entry):
            held = left & _fieldset.paths(entry.get("fieldsV1") or {})
            found.setdefault(str(entry.get("manager")), []).extend(names(held))
    return [
        "%s left the set but stays: %s holds it too" % (", ".join(what), who) for who, what in found.items() if what
    ]


def patch(live: Mapping[str, Any], entries: List[Object]) -> List[Dict[str, Any]]:
    """The JSON patch that moves ownership, of this version of the object only."""
    metadata = live["metadata"]
    operations: List[Dict[str, Any]] = [
        {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
        # Writing the version that was read makes a stale one answer 409; a failed test would answer 422.
        {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
    ]
    if forgets(live, entries):
        key = _mask.LAST_APPLIED.replace("~", "~0").replace("/", "~1")
        operations.append({"op": "remove", "path": "/metadata/annotations/" + key})
    return operations


def take(client: EngineClient, item: Item) -> None:
    """Move ownership, just before the apply that is planned on it."""
    if item.owners is None or item.live is None:
        return
    query = {"fieldManager": FIELD_MANAGER}
    try:
        item.live = client.send("PATCH", item.path(), patch(item.live, item.owners), query, JSON_PATCH)
    except ApiError as error:
        if classify(error) is Answer.INVALID:
            # What it removes is gone: the object changed, if only by this patch, repeated since its answer was lost.
            raise ApiError(409, "Conflict", error.message, error.details) from error
        raise
    item.owners = None


def without_dropped(live: Object, planned: Object, dropped: FrozenSet[Path]) -> List[Dict[str, Any]]:
    """The JSON patch that turns the live object into what the apply will leave, so that a dry run can judge it."""
    places = (_fieldset.locate(planned, path) for path in dropped)
    left = _fieldset.without(planned, [place for place in places if place is not None])
    keys: List[Tuple[str, ...]] = [
        (key,) for key in {**live, **left} if key not in ("apiVersion", "kind", "metadata", "status")
    ]
    keys += [("metadata", key) for key in ("labels", "annotations")]
    operations: List[Dict[str, Any]] = []
    for key in keys:
        old, new = _at(live, key), _at(left, key)
        path = "/" + "/".join(key)
        if new is None and old is not None:
            operations.append({"op": "remove", "path": path})
        elif new != old:
            operations.append({"op": "add", "path": path, "value": new})
    return operations


def _at(body: Mapping[str, Any], key: Tuple[str, ...]) -> Any:
    value: Any = body
    for step in key:
        value = (value or {}).get(step)
    return value
