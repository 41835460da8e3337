# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which namespaces a Prometheus Operator looks after, from its command line; two that share one fight.

Flags: prometheus-operator, Documentation/platform/operator.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, FrozenSet, Optional, Sequence

INSTANCES = ("prometheus", "alertmanager")
"""Kinds of instances that we have; each may be scoped by itself."""


@dataclass(frozen=True)
class Scope:
    """``allow`` None means every namespace but those in ``deny``."""

    allow: Optional[FrozenSet[str]] = None
    deny: FrozenSet[str] = frozenset()
    identity: str = ""
    """The controller id: operators with different ones leave each other's objects alone."""
    selector: str = ""

    def takes(self, namespace: str) -> bool:
        """Whether it reconciles instances there."""
        return namespace not in self.deny and (self.allow is None or namespace in self.allow)

    def meets(self, other: Scope) -> bool:
        """Whether there is a namespace that both look after, as far as their flags tell."""
        if self.identity != other.identity:
            return False
        if self.allow is not None:
            return any(other.takes(name) for name in self.allow if self.takes(name))
        if other.allow is not None:
            return any(self.takes(name) for name in other.allow if other.takes(name))
        return True

    def __str__(self) -> str:
        if self.allow is not None:
            return "the namespaces %s" % ", ".join(sorted(self.allow))
        return "every namespace%s" % (" but %s" % ", ".join(sorted(self.deny)) if self.deny else "")


def flags(arguments: Sequence[object]) -> Dict[str, str]:
    """Flags of a command line; both ``--a=b`` and ``-a b`` are understood."""
    found: Dict[str, str] = {}
    waiting = ""
    for argument in (str(value) for value in arguments):
        if waiting and not argument.startswith("-"):
            found[waiting] = ",".join(part for part in (found.get(waiting, ""), argument) if part)
        waiting = ""
        if argument.startswith("-"):
            name, equals, value = argument.lstrip("-").partition("=")
            found[name] = ",".join(part for part in (found.get(name, ""), value) if part)
            waiting = "" if equals else name
    return found


def parse(arguments: Sequence[object], instance: str) -> Scope:
    """The scope for one kind of instances. ``--X-instance-namespaces`` wins over ``--namespaces``."""
    given = flags(arguments)
    own = _names(given.get("%s-instance-namespaces" % instance, ""))
    allow = own or _names(given.get("namespaces", ""))
    deny = frozenset() if own else _names(given.get("deny-namespaces", ""))
    selector = given.get("%s-instance-selector" % instance, "")
    return Scope(allow or None, deny, given.get("controller-id", ""), selector)


def _names(text: str) -> FrozenSet[str]:
    return frozenset(name for name in (part.strip() for part in text.split(",")) if name)
