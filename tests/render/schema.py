# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small reader of the structural schemas in custom resource definitions: unknown, missing, not allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

PYTHON = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def faults(schema: dict[str, Any], value: Any, path: str = "") -> Iterator[str]:
    """Yield what the API server would refuse."""
    if schema.get("x-kubernetes-int-or-string"):
        return
    kind = PYTHON.get(schema.get("type", ""))
    if kind and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
        yield f"{path}: expected {schema['type']}, found {value!r}"
        return
    if isinstance(value, dict):
        yield from _object(schema, value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(schema.get("items", {}), item, f"{path}[{index}]")
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    elif "pattern" in schema and not re.search(schema["pattern"], str(value)):
        yield f"{path}: {value!r} does not match {schema['pattern']}"


def _object(schema: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    properties = schema.get("properties")
    if properties is None:
        for key, item in value.items():
            yield from faults(schema.get("additionalProperties") or {}, item, f"{path}.{key}")
        return
    for key in schema.get("required", []):
        if key not in value:
            yield f"{path}.{key}: required"
    for key, item in value.items():
        if not path and key in ("apiVersion", "kind", "metadata"):
            continue
        if key not in properties:
            yield f"{path}.{key}: unknown"
        else:
            yield from faults(properties[key], item, f"{path}.{key}")
