# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether an apply would change anything, from its dry run and the live object."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _fieldset
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Change, Object

FIELD_MANAGER = "openhands-gpu-observability"
_VOLATILE = ("managedFields", "resourceVersion")


def compare(live: Optional[Object], planned: Object) -> Change:
    """Created, configured or unchanged. Taking over fields of equal content is a change, once."""
    if live is None:
        return Change.CREATED
    mine = own_entry(planned)
    if mine != own_entry(live):
        return Change.CONFIGURED
    if content(live) == content(planned) or (mine is not None and _ours_alike(live, planned, mine)):
        return Change.UNCHANGED
    return Change.CONFIGURED


def _ours_alike(live: Object, planned: Object, entry: Mapping[str, Any]) -> bool:
    """Whether the fields that we own have the same values.

    What else an apply would change is admission's doing: a counter or a time that it writes with every write isn't
    drift, as nobody would see it change if nothing was applied.
    """
    owned = _fieldset.paths(entry.get("fieldsV1") or {})
    parents = {path[:length] for path in owned for length in range(1, len(path))}
    return all(_at(live, path, path in parents) == _at(planned, path, path in parents) for path in owned)


def _at(body: Object, path: _fieldset.Path, presence: bool) -> Tuple[bool, Any]:
    """Whether a path leads somewhere and, where more than its presence is owned, to which value."""
    place = _fieldset.locate(body, path)
    return (place is not None, None if place is None or presence else _fieldset.value(body, place))


def same_content(live: Object, planned: Object) -> bool:
    """Whether only the owners of fields differ."""
    return content(live) == content(planned)


def content(body: Object) -> Object:
    """The object without what changes by itself, at every write or whenever a controller reports."""
    metadata = {key: value for key, value in (body.get("metadata") or {}).items() if key not in _VOLATILE}
    return {**{key: value for key, value in body.items() if key != "status"}, "metadata": metadata}


def is_ours(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of managedFields is that of our applies."""
    mine = (entry.get("manager"), entry.get("operation")) == (FIELD_MANAGER, "Apply")
    return mine and not entry.get("subresource")


def own_entry(body: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """Our entry in managedFields without its time; None where we never applied."""
    for entry in _fieldset.entries(body):
        if is_ours(entry):
            return {key: value for key, value in entry.items() if key != "time"}
    return None
