# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What passes between those who read the cluster and the one who judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, FrozenSet, List, Mapping, Optional, Protocol, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import Cause
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, ObjectId, Resource


@dataclass(frozen=True)
class Target:
    """One object to wait for and how the server serves its kind.

    fresh: it was written just now. component: whose label it was given, to be read without everybody else's.
    """

    resource: Resource
    id: ObjectId
    fresh: bool = False
    component: str = ""


@dataclass(frozen=True)
class Collection:
    """The targets of one kind in one namespace: they are read together."""

    resource: Resource
    namespace: str
    ids: FrozenSet[ObjectId]
    component: str = ""


@dataclass(frozen=True)
class Trouble:
    """Why a collection can't be read just now. status: HTTP status, 0 without an answer."""

    status: int
    message: str


@dataclass(frozen=True)
class News:
    """What was read: objects (None: doesn't exist), or why nothing was."""

    collection: Collection
    objects: Mapping[ObjectId, Optional[Object]] = field(default_factory=dict)
    trouble: Optional[Trouble] = None


@dataclass(frozen=True)
class Insight:
    """What a closer look at one object found."""

    cause: Optional[Cause] = None
    children: Sequence[Object] = ()
    reports_status: Optional[bool] = None


class Feed(Protocol):
    """Reads the targets and goes on reading."""

    def start(self) -> None:
        """Begin with one list per collection."""

    def follow(self) -> None:
        """Go on with watches."""

    def news(self) -> List[News]:
        """What was read since the last call."""

    def stop(self) -> None:
        """End all reading."""


class Examiner(Protocol):
    """Takes a closer look at objects that are not as they should be."""

    @property
    def busy(self) -> bool:
        """Whether a round is under way; once it isn't, all its answers are there."""

    def ask(self, objects: Mapping[ObjectId, Object]) -> bool:
        """Begin a round; False while one is still under way."""

    def answers(self) -> Dict[ObjectId, Insight]:
        """What was found since the last call."""

    def stop(self) -> None:
        """End all looking."""


def collections_of(targets: Sequence[Target]) -> List[Collection]:
    """Group targets into collections, in order of their first target."""
    groups: Dict[tuple[Resource, str, str], set[ObjectId]] = {}
    for target in targets:
        namespace = target.id.namespace if target.resource.namespaced else ""
        groups.setdefault((target.resource, namespace, target.component), set()).add(target.id)
    return [Collection(kind, namespace, frozenset(ids), label) for (kind, namespace, label), ids in groups.items()]
