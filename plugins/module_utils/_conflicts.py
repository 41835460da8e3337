# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Fields that somebody else owns: a small policy decides who may be overruled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

HUMAN_MANAGERS = (
    re.compile(r"^kubectl(-.*)?$"),
    re.compile(r"^k9s$"),
    re.compile(r"^rancher$"),
)
"""Managers behind which sits a person, whose edit a declared state may undo."""

_MANAGER = re.compile(r'conflict with "(?P<manager>[^"]*)"')


@dataclass(frozen=True)
class Conflict:
    """One field and who owns it."""

    manager: str
    field: str


def read(error: ApiError) -> List[Conflict]:
    """List the conflicts of a refused apply."""
    found = []
    for cause in error.details.get("causes") or ():
        match = _MANAGER.search(str(cause.get("message") or ""))
        found.append(Conflict(match.group("manager") if match else "", str(cause.get("field") or "").lstrip(".")))
    return found


def may_take_over(conflicts: Sequence[Conflict]) -> bool:
    """Whether every owner is one that we may overrule."""
    return bool(conflicts) and all(any(p.match(c.manager) for p in HUMAN_MANAGERS) for c in conflicts)


def sentence(conflict: Conflict) -> str:
    """What to tell the person."""
    return (
        "is owned by the field manager %s, which sets another value: leave the field to it, or stop it from setting it"
        % (conflict.manager or "of another program")
    )
