# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One object on its way through plan, apply and wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    Change,
    Manifest,
    Object,
    ObjectId,
    Resource,
    Status,
    Verdict,
)


@dataclass
class Item:
    """What is wanted, what is there, and what will become of it."""

    manifest: Manifest
    id: ObjectId
    resource: Optional[Resource] = None
    """None while the server doesn't serve the kind yet."""
    live: Optional[Object] = field(default=None, repr=False)
    planned: Optional[Object] = field(default=None, repr=False)
    """The dry run's answer; None where no dry run was possible."""
    change: Change = Change.UNCHANGED
    deferred: str = ""
    """Why the server couldn't check it yet."""
    awaits: str = ""
    """Name of an object of this set that the server must see first."""
    force: bool = False
    """Take the fields over from their owners."""
    note: str = ""
    notable: bool = False
    """The note belongs among the warnings: somebody's fields were taken, or stay against our wish."""
    take_over: Tuple[str, ...] = ()
    """Paths of fields that may be taken from any owner; ``*`` is all of them."""
    adopt_from: FrozenSet[str] = frozenset()
    """Field managers whose part of the object becomes ours before it is applied."""
    may_recreate: bool = False
    """Whether deleting and creating it again was permitted."""
    recreate: bool = False
    """It has to be deleted and created again to become what is wanted."""
    may_delete_data: bool = False
    """Whether it may be deleted though it holds data."""
    leaving: bool = False
    """On record, but no longer part of the set."""
    forgotten: bool = False
    """Not ours any more: it leaves the record."""
    policy: str = ""
    """How what it owns is treated when it is deleted to be created again."""
    kept: Optional[Object] = field(default=None, repr=False)
    """What others wrote into it and it gets back when it is created again."""
    claims: List[Item] = field(default_factory=list)
    """Claims that grow before it is created again."""
    body: Optional[Object] = field(default=None, repr=False)
    """What is applied, where that isn't the manifest: a controller's fields are left to it."""
    owners: Optional[List[Object]] = field(default=None, repr=False)
    """managedFields to write before it is applied: what people held becomes ours."""
    applied: Optional[Object] = field(default=None, repr=False)
    verdict: Optional[Verdict] = None
    seconds: float = 0.0

    @property
    def source(self) -> str:
        """Where the object was written: ``file:line``."""
        manifest = self.manifest
        return "%s:%d" % (manifest.source, manifest.line) if manifest.line else manifest.source

    @property
    def api_version(self) -> str:
        """As the manifest has it."""
        return str(self.manifest.body.get("apiVersion", ""))

    @property
    def wanted(self) -> Object:
        """The body to apply."""
        return self.manifest.body if self.body is None else self.body

    def say(self, text: str) -> None:
        """Add to the note, once."""
        if text not in self.note:
            self.note = "; ".join(part for part in (self.note, text) if part)

    @property
    def current_object(self) -> Optional[Object]:
        """The newest version of the object that was seen on the server."""
        return self.applied or self.live

    @property
    def uid(self) -> str:
        """UID of the live object; empty where there is none."""
        return str(((self.live or {}).get("metadata") or {}).get("uid") or "")

    def permit(self, option: str, more: str = "") -> str:
        """The entry of an option that permits something for this object, to copy. more: what else is in it."""
        where = ", namespace: %s" % self.id.namespace if self.id.namespace else ""
        return "%s: [{kind: %s, name: %s%s%s}]" % (option, self.id.kind, self.id.name, where, more)

    def problem(self, message: str, field_path: str = "") -> Problem:
        """A problem of this object."""
        return Problem(message, self.source, str(self.id), field_path)

    def path(self) -> str:
        """The object's URL path."""
        if self.resource is None:
            raise ValueError("%s: its kind isn't served yet" % self.id)
        return self.resource.path(self.id.namespace, self.id.name)

    def to_result(self) -> Dict[str, Any]:
        """The object as the task's result shows it."""
        verdict = self.verdict or Verdict(Status.NOT_FOUND)
        return {
            "api_version": self.api_version,
            "kind": self.id.kind,
            "namespace": self.id.namespace,
            "name": self.id.name,
            "change": self.change.value,
            "verdict": verdict.status.value,
            "reason": verdict.reason or self.note,
            "seconds": round(self.seconds, 3),
            "source": self.source,
        }


def counts(items: List[Item]) -> Dict[str, int]:
    """How many objects met each change."""
    return {change.value: sum(1 for item in items if item.change is change) for change in Change}
