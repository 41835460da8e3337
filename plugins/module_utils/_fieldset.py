# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The sets of fields that managedFields keeps (fieldsV1), as sets of paths.

A path is a tuple of fieldsV1's own steps: ``f:name``, ``k:{"name":"web"}`` (a list's item by its keys), ``v:"x"`` (an
item by its value), ``i:0``. A node is a member of the set when it has no children or a child named ``.``
(sigs.k8s.io/structured-merge-diff, fieldpath/serialize.go).
"""

from __future__ import annotations

import json
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

Path = Tuple[str, ...]
Location = Tuple[Union[str, int], ...]
"""Keys and indices that lead to a value in one body."""


def entries(body: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """The managedFields of an object."""
    return list((body.get("metadata") or {}).get("managedFields") or ())


def paths(fields: Mapping[str, Any]) -> FrozenSet[Path]:
    """The members of a set."""
    return frozenset(_members(fields, ()))


def _members(fields: Mapping[str, Any], before: Path) -> Iterator[Path]:
    for step, below in fields.items():
        if step == ".":
            yield before
        elif below:
            yield from _members(below, (*before, step))
        else:
            yield (*before, step)


def tree(members: Iterable[Path]) -> Dict[str, Any]:
    """The inverse of ``paths``."""
    root: Dict[str, Any] = {}
    known = sorted(members)
    for path in known:
        node = root
        for step in path:
            node = node.setdefault(step, {})
    for path in known:
        node = root
        for step in path:
            node = node[step]
        if node:
            node["."] = {}
    return root


def locate(body: Any, path: Path) -> Optional[Location]:
    """Where a path leads in a body; None where it has no such value."""
    found: List[Union[str, int]] = []
    for step in path:
        key = _key(body, step)
        if key is None:
            return None
        found.append(key)
        body = body[key]
    return tuple(found)


def _key(body: Any, step: str) -> Union[str, int, None]:
    sort, _colon, name = step.partition(":")
    if sort == "f":
        return name if isinstance(body, dict) and name in body else None
    if not isinstance(body, list):
        return None
    if sort == "i":
        return int(name) if int(name) < len(body) else None
    wanted = json.loads(name)
    if sort == "v":
        return next((index for index, value in enumerate(body) if value == wanted), None)
    return item_index(body, wanted)


def item_index(items: List[Any], keys: Mapping[str, Any]) -> Optional[int]:
    """The item with these keys; where there is none, one that leaves some to their default (a port's protocol)."""
    rows = [(index, item) for index, item in enumerate(items) if isinstance(item, dict)]
    for index, item in rows:
        if all(item.get(key) == value for key, value in keys.items()):
            return index
    for index, item in rows:
        if any(key in item for key in keys) and all(item.get(key, value) == value for key, value in keys.items()):
            return index
    return None


def value(body: Any, location: Location) -> Any:
    """The value at a location that exists."""
    for key in location:
        body = body[key]
    return body


def without(body: Any, gone: Iterable[Location]) -> Any:
    """A copy that lacks these places, and what they leave empty behind."""
    doomed: Dict[Union[str, int], List[Location]] = {}
    for location in gone:
        doomed.setdefault(location[0], []).append(location[1:])
    if not doomed:
        return body
    pairs = body.items() if isinstance(body, dict) else enumerate(body)
    kept = []
    for key, item in pairs:
        below = doomed.get(key)
        if below is None:
            kept.append((key, item))
        elif () not in below:
            left = without(item, below)
            if left or not item:
                kept.append((key, left))
    return dict(kept) if isinstance(body, dict) else [item for _key_, item in kept]


def replaced(body: Any, location: Location, new: Any) -> Any:
    """A copy with another value in one place that exists."""
    if not location:
        return new
    key = location[0]
    if isinstance(body, dict):
        return {**body, key: replaced(body[key], location[1:], new)}
    return [replaced(item, location[1:], new) if index == key else item for index, item in enumerate(body)]


def text(path: Path) -> str:
    """As the server writes it in a conflict, without the leading dot: spec.containers[name="web"].image."""
    parts = []
    for step in path:
        sort, _colon, name = step.partition(":")
        if sort == "f":
            parts.append("." + name)
        elif sort == "k":
            pairs = json.loads(name).items()
            parts.append("[%s]" % ",".join("%s=%s" % (key, json.dumps(item)) for key, item in pairs))
        else:
            parts.append("[=%s]" % name if sort == "v" else "[%s]" % name)
    return "".join(parts).lstrip(".")
