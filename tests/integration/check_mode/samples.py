# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that fit a structural schema, made from the schema itself, and ways to spoil them."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

DEPTH = 7
TEXTS = ("a", "abc", "1h", "10s", "1Gi", "10MB", "http://a.b/c", "a.b.c", "A", "a-b", "info", "1", "a=b", "2020-01-01")


def sample(schema: dict[str, Any], rng: random.Random, share: float, depth: int = 0, resource: bool = False) -> Any:
    """A value; share: how many of the fields that may be left out are there."""
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return rng.choice([1, "25%", "10"])
    kind = schema.get("type")
    if kind == "object":
        return mapping(schema, rng, share, depth, resource)
    if kind == "array":
        low = max(1, schema.get("minItems", 1))
        return [sample(schema.get("items", {}), rng, share, depth + 1) for _ in range(low)]
    if kind in ("integer", "number"):
        low, high = schema.get("minimum", 1), schema.get("maximum", 10**6)
        return max(low, min(high, rng.choice([1, 2, 300, 8080])))
    if kind == "boolean":
        return rng.random() < 0.5
    return text(schema, rng)


def mapping(schema: dict[str, Any], rng: random.Random, share: float, depth: int, resource: bool) -> Any:
    required = schema.get("required", [])
    value = {}
    for name, below in schema.get("properties", {}).items():
        if resource and name in ("apiVersion", "kind", "metadata", "status"):
            continue
        if name in required or (depth < DEPTH and rng.random() < share / (1 + depth / 3)):
            value[name] = sample(below, rng, share, depth + 1)
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict) and depth < DEPTH:
        value["key"] = sample(additional, rng, share, depth + 1)
    return value


def text(schema: dict[str, Any], rng: random.Random) -> str:
    if schema.get("format") == "date-time":
        return "2026-01-02T03:04:05Z"
    if schema.get("format") == "byte":
        return "YWJj"
    low, high = schema.get("minLength", 0), schema.get("maxLength", 10**6)
    fitting = [one for one in TEXTS if low <= len(one) <= high]
    return rng.choice(fitting) if fitting else "a" * low


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every value below this one."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(entries):
        yield value, key
        yield from places(item)


def _replaced(other: Any) -> Callable[[Any, Any], None]:
    def spoil(container: Any, key: Any) -> None:
        container[key] = copy.deepcopy(other)

    return spoil


def _unknown(container: Any, key: Any) -> None:
    if isinstance(container[key], dict):
        container[key]["unheardOf"] = 1


def _remove(container: Any, key: Any) -> None:
    del container[key]


def _twice(container: Any, key: Any) -> None:
    if isinstance(container[key], list):
        container[key] += copy.deepcopy(container[key])


SPOILS: tuple[Callable[[Any, Any], None], ...] = (
    _unknown,
    _remove,
    _twice,
    *(_replaced(other) for other in ("nonsense%", "text", "", -1, 2**40, 1.5, True, [], {}, "x" * 5000)),
)


def spoiled(spec: Any, rng: random.Random) -> Any:
    """A copy with one thing changed, for the better or worse."""
    wrong = copy.deepcopy(spec)
    found = list(places(wrong))
    if not found:
        return {"unheardOf": 1}
    rng.choice(SPOILS)(*rng.choice(found))
    return wrong
