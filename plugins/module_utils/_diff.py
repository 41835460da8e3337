# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Before and after of one object, for Ansible's diff; no secret value is in it."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _mask
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Change, Object

try:
    import yaml

    _Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
except ImportError:  # pragma: no cover (the loader says so first)
    yaml = None  # type: ignore[assignment]

_HIDDEN_METADATA = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp")


def entry(item: Item) -> Optional[Dict[str, str]]:
    """Ansible's diff entry of a changed object; None where nothing changes."""
    if item.change in (Change.UNCHANGED, Change.SKIPPED):
        return None
    after: Object = {}
    if item.change is not Change.DELETED:
        after = item.applied or item.planned or item.manifest.body
    before, after = _mask.masked_pair(plain(item.live or {}), plain(after))
    name = "%s %s" % (item.api_version, item.id)
    return {"before_header": name, "after_header": name, "before": dump(before), "after": dump(after)}


def plain(body: Object) -> Object:
    """The object without what is the server's own affair."""
    metadata = {key: value for key, value in (body.get("metadata") or {}).items() if key not in _HIDDEN_METADATA}
    rest = {key: value for key, value in body.items() if key not in ("metadata", "status")}
    return {**rest, "metadata": metadata} if body else {}


def dump(body: Object) -> str:
    """YAML with a stable order of keys; empty for no object."""
    if not body:
        return ""
    text: str = yaml.dump(body, Dumper=_Dumper, sort_keys=True, default_flow_style=False, width=1000)
    return text
