# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The words the engine speaks: objects, identities, changes and verdicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Protocol

Object = Dict[str, Any]
"""A Kubernetes object as decoded JSON."""

Emit = Callable[[str], None]
"""Receives one line of progress for the person watching."""


class Change(str, Enum):
    """What a rollout did to one object (in check mode: would do)."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    SKIPPED = "skipped"


class Status(str, Enum):
    """Where one object stands."""

    CURRENT = "current"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    TERMINATING = "terminating"
    NOT_FOUND = "not_found"


@dataclass(frozen=True)
class Verdict:
    """A status with the reason a person can act on.

    ``terminal`` is true for a failure that waiting cannot mend.
    """

    status: Status
    reason: str = ""
    terminal: bool = False


@dataclass(frozen=True, order=True)
class ObjectId:
    """What makes an object the same object: group (not version), kind, namespace, name."""

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> ObjectId:
        """Read the identity from an object that has apiVersion, kind and metadata.name."""
        api_version = str(body.get("apiVersion", ""))
        metadata = body.get("metadata") or {}
        return cls(
            group=api_version.rpartition("/")[0],
            kind=str(body.get("kind", "")),
            namespace=str(metadata.get("namespace") or ""),
            name=str(metadata.get("name", "")),
        )

    def __str__(self) -> str:
        where = self.namespace + "/" if self.namespace else ""
        return "%s %s%s" % (self.kind, where, self.name)


@dataclass
class Manifest:
    """One wanted object and where it was written."""

    body: Object
    source: str = ""
    line: int = 0

    @property
    def id(self) -> ObjectId:
        """The object's identity."""
        return ObjectId.of(self.body)


@dataclass(frozen=True)
class Resource:
    """A kind as the server serves it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = field(default_factory=frozenset)

    @property
    def api_version(self) -> str:
        """``group/version``, or ``version`` for the core group."""
        return "%s/%s" % (self.group, self.version) if self.group else self.version

    def path(self, namespace: str = "", name: str = "") -> str:
        """The URL path of one object, or of the collection when no name is given."""
        root = "/apis/%s" % self.api_version if self.group else "/api/%s" % self.version
        scope = "/namespaces/%s" % namespace if self.namespaced and namespace else ""
        tail = "/%s" % name if name else ""
        return "%s%s/%s%s" % (root, scope, self.plural, tail)


class ApiError(Exception):
    """An answer of the API server that is not a success, or no answer at all (status 0)."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        details: Optional[Mapping[str, Any]] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details: Mapping[str, Any] = details or {}
        self.retry_after = retry_after


class Client(Protocol):
    """All that the engine asks of an API server. Every method raises ApiError."""

    def get(self, path: str, query: Optional[Mapping[str, str]] = None) -> Object:
        """GET and decode JSON."""

    def send(
        self,
        method: str,
        path: str,
        body: Optional[Any] = None,
        query: Optional[Mapping[str, str]] = None,
        content_type: str = "application/json",
    ) -> Object:
        """Send a body (JSON-encoded unless it is bytes) and decode the JSON answer."""

    def text(self, path: str, query: Optional[Mapping[str, str]] = None) -> str:
        """GET plain text, such as a container's log."""

    def watch(self, path: str, query: Mapping[str, str], timeout: float) -> Iterator[Object]:
        """Yield watch events ``{"type": ..., "object": ...}`` until the server or the timeout (seconds) ends it."""

    def resource(self, api_version: str, kind: str) -> Optional[Resource]:
        """Look a kind up by discovery (cached); None where the server does not serve it."""

    def forget_discovery(self) -> None:
        """Drop cached discovery, after CRDs were applied."""
