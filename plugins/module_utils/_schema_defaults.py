# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""An object with the defaults of its structural schema, as the server fills them in before it checks."""

from __future__ import annotations

import copy
from typing import Any, Mapping


def filled(schema: Mapping[str, Any], value: Any) -> Any:
    """A copy with every default that applies; what is there stays."""
    if isinstance(value, dict):
        return _mapping(schema, value)
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, dict):
        return [filled(items, entry) for entry in value]
    return value


def _mapping(schema: Mapping[str, Any], value: Mapping[str, Any]) -> Any:
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    result = {}
    for key, item in value.items():
        below = properties.get(key, additional)
        result[key] = filled(below, item) if isinstance(below, dict) else item
    for key, below in properties.items():
        absent = key not in result or (result[key] is None and not below.get("nullable"))
        if absent and "default" in below:
            result[key] = filled(below, copy.deepcopy(below["default"]))
    return result
