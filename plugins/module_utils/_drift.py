# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether an apply would change anything, from its dry run and the live object."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Change, Object

FIELD_MANAGER = "openhands-gpu-observability"
_VOLATILE = ("managedFields", "resourceVersion")


def compare(live: Optional[Object], planned: Object) -> Change:
    """Created, configured or unchanged. Taking over fields of equal content is a change, once."""
    if live is None:
        return Change.CREATED
    same = content(live) == content(planned) and own_entry(live) == own_entry(planned)
    return Change.UNCHANGED if same else Change.CONFIGURED


def same_content(live: Object, planned: Object) -> bool:
    """Whether only the owners of fields differ."""
    return content(live) == content(planned)


def content(body: Object) -> Object:
    """The object without what changes by itself, at every write or whenever a controller reports."""
    metadata = {key: value for key, value in (body.get("metadata") or {}).items() if key not in _VOLATILE}
    return {**{key: value for key, value in body.items() if key != "status"}, "metadata": metadata}


def own_entry(body: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """Our entry in managedFields without its time; None where we never applied."""
    for entry in (body.get("metadata") or {}).get("managedFields") or ():
        ours = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        if ours and not entry.get("subresource"):
            return {key: value for key, value in entry.items() if key != "time"}
    return None
