# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Values at the paths that an API server names, and where two objects differ below one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, List

_STEP = re.compile(r"\[(?P<index>\d+)\]|\[(?P<key>[^\]]+)\]|(?P<name>[^.\[]+)")
SHOWN = 120
"""Characters of a value that an error shows."""


class _Missing:
    def __repr__(self) -> str:
        return "not set"


MISSING = _Missing()
"""No value at all, which isn't null."""


@dataclass(frozen=True)
class Difference:
    """One field whose live value isn't the wanted one."""

    path: str
    live: Any
    wanted: Any


def at(body: Any, path: str) -> Any:
    """The value at a path such as spec.ports[0].port; MISSING where there is none."""
    for step in _STEP.finditer(path):
        name = step.group("name") or step.group("key")
        if name is not None and isinstance(body, dict) and name in body:
            body = body[name]
        elif step.group("index") is not None and isinstance(body, list) and int(step.group("index")) < len(body):
            body = body[int(step.group("index"))]
        else:
            return MISSING
    return body


def differences(live: Any, wanted: Any, path: str) -> List[Difference]:
    """Where the live value lacks what is wanted, as deep as can be said; what only the live value has is a default."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        found = []
        for key, value in wanted.items():
            here = "%s.%s" % (path, key) if path else str(key)
            found += differences(live.get(key, MISSING), value, here)
        return found
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        pairs = enumerate(zip(live, wanted))
        return [one for index, (old, new) in pairs for one in differences(old, new, "%s[%d]" % (path, index))]
    return [] if live == wanted else [Difference(path, live, wanted)]


def shown(value: Any) -> str:
    """A value for a message: short, on one line."""
    if value is MISSING:
        return repr(value)
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
