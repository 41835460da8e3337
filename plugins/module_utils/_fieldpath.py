# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Field paths as people and API servers write them, found in a body.

``spec.template.spec.containers[name=web].image`` and the server's ``.spec.template.spec.containers[name="web"].image``
lead to the same place, as do ``[0]`` and ``metadata.labels["app.kubernetes.io/name"]``. The server doesn't quote keys
that have dots, so only the body tells where one ends.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Optional, Tuple, Union

from ansible_collections.openhands.gpu_observability.plugins.module_utils._fieldset import Location, item_index

_BRACKET = re.compile(r"\[(?P<inner>(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\]\"'])*)\]")
_PAIR = re.compile(r"(?P<key>[^=,\s]*)=(?P<value>\"(?:\\.|[^\"\\])*\"|[^,]*)(?:,|$)")


def find(body: Any, text: str) -> Optional[Location]:
    """Where a written path leads in a body; None where it leads nowhere."""
    return _walk(body, text.strip().lstrip("."))


def _walk(body: Any, rest: str) -> Optional[Location]:
    if not rest:
        return ()
    match = _BRACKET.match(rest)
    if match:
        key = _chosen(body, match.group("inner").strip())
        below = None if key is None else _walk(body[key], rest[match.end() :])
        return None if key is None or below is None else (key, *below)
    if not isinstance(body, dict):
        return None
    name = rest.removeprefix(".")
    # The longest key first: app.kubernetes.io/name before app.
    for key in sorted(body, key=len, reverse=True):
        tail = name[len(key) :]
        if name.startswith(key) and (not tail or tail[0] in ".["):
            below = _walk(body[key], tail)
            if below is not None:
                return (key, *below)
    return None


def _chosen(body: Any, inner: str) -> Union[str, int, None]:
    """What a pair of brackets picks: a map's key, a list's item by number, by value or by its keys."""
    if isinstance(body, dict):
        key = str(_plain(inner))
        return key if key in body else None
    if not isinstance(body, list):
        return None
    if inner.isdigit():
        return int(inner) if int(inner) < len(body) else None
    if inner.startswith("="):
        wanted = _plain(inner[1:])
        return next((index for index, item in enumerate(body) if item == wanted), None)
    keys: Dict[str, Any] = {pair.group("key"): _plain(pair.group("value")) for pair in _PAIR.finditer(inner)}
    return item_index(body, keys) if keys and "" not in keys else None


def _plain(text: str) -> Any:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    try:
        return json.loads(text)
    except ValueError:
        return text


def below(location: Location, parent: Location) -> bool:
    """Whether a place is another or inside it."""
    return location[: len(parent)] == parent


def fits(location: Location, pattern: Tuple[str, ...]) -> bool:
    """Whether a place matches a pattern of keys, in which ``*`` is any."""
    return len(location) == len(pattern) and all(want in ("*", key) for key, want in zip(location, pattern))
