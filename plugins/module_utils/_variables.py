# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Find variables that look like ours and are not: the misspelt ones."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Iterable, List, Mapping, Optional, Set

LIKENESS = 0.9
"""From this likeness on, a name outside our prefixes is taken for a misspelt one of ours."""
SAME_START = 3
"""Names are compared across prefixes only when this many first letters are a role's."""


@dataclass(frozen=True)
class Unknown:
    """A variable that no role knows.

    Attributes:
        name: As the inventory, playbook or command line spells it.
        role: The role whose prefix it carries, or None when only its likeness speaks.
        nearest: The known name it is most like; None when there is none near.
    """

    name: str
    role: Optional[str]
    nearest: Optional[str]


def owner(name: str, roles: Iterable[str]) -> Optional[str]:
    """The role a variable belongs to by its prefix: the longest name wins (prometheus_operator before prometheus)."""
    matching = [role for role in roles if name.startswith(role + "_")]
    return max(matching, key=len, default=None)


def nearest(name: str, candidates: Iterable[str], cutoff: float = 0.6) -> Optional[str]:
    """The most alike candidate, if any is alike enough."""
    found = difflib.get_close_matches(name, sorted(candidates), n=1, cutoff=cutoff)
    return found[0] if found else None


def _is_ours_to_judge(name: str) -> bool:
    """Internals (`__x`, also registered results) and what Ansible itself sets are never judged."""
    return not name.startswith(("_", "ansible_"))


def unknown_variables(
    names: Iterable[str], known: Mapping[str, Set[str]], foreign: Iterable[str] = ()
) -> List[Unknown]:
    """The variables that carry a role's prefix, or nearly one of our names, and that no role knows.

    Args:
        names: Every variable that is set for a host.
        known: Role -> the variables it takes or computes.
        foreign: Names that belong to somebody else although they carry one of our prefixes.
    """
    everything = set().union(*known.values())
    starts = {role[:SAME_START] for role in known}
    found: List[Unknown] = []
    for name in sorted(set(names) - everything - set(foreign)):
        if not _is_ours_to_judge(name):
            continue
        role = owner(name, known)
        if role is not None:
            found.append(Unknown(name, role, nearest(name, known[role]) or nearest(name, everything)))
        elif name[:SAME_START] in starts:
            meant = nearest(name, everything, LIKENESS)
            if meant is not None:
                found.append(Unknown(name, None, meant))
    return found


def sentence(unknown: Unknown, place: str = "") -> str:
    """What a person reads: the name, where it stands, and what was probably meant."""
    where = f" ({place})" if place else ""
    meant = f", did you mean {unknown.nearest}?" if unknown.nearest else "."
    who = f"role {unknown.role} has no such variable" if unknown.role else "no role has such a variable"
    return f"{unknown.name}{where}: {who}{meant}"
