# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Values at the paths that an API server names, and where two objects differ below one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, List

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _fieldpath, _fieldset, _mask
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

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
    place = _fieldpath.find(body, path)
    return MISSING if place is None else _fieldset.value(body, place)


def told(body: Object, path: str) -> str:
    """The value at a path for a message; what is secret in it is hidden."""
    secret = _mask.is_secret(body) and path.startswith(("data", "stringData"))
    return _mask.HIDDEN if secret or _mask.LAST_APPLIED in path else shown(at(_mask.hidden(body), path))


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


def shown(value: Any, limit: int = SHOWN) -> str:
    """A value for a message: on one line, and not longer than the limit (characters)."""
    if value is MISSING:
        return repr(value)
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= limit else text[: limit - 3] + "..."
