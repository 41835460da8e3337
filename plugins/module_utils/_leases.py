# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The Lease object of one component: read, made, renewed and deleted, each guarded by the version that was read."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _holder, _live, _transform, _writes
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import RETRIED, Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object

SECONDS = 30.0
"""How long a Lease lasts after its last renewal."""

VERBS = ("get", "create", "update", "delete")
"""What a run does with leases (coordination.k8s.io) in the namespace of the record."""

PREFIX = "rollout-"
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class NoPlace(Exception):
    """The Lease's namespace isn't there, or goes away."""


def name_of(component: str) -> str:
    """Name of a component's Lease."""
    return PREFIX + component.replace("_", "-")


@dataclass(frozen=True)
class Seen:
    """A Lease as it was read. Times are the other machine's: shown to people, and never relied upon."""

    where: str
    version: str
    uid: str
    holder: str
    ours: bool
    since: str
    renewed: str
    seconds: float
    transitions: int
    annotations: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def dead(self) -> bool:
        """Whether its holder was a process of this machine that is gone."""
        return _holder.is_dead(self.annotations)

    def looks_alive(self, now: dt.datetime) -> bool:
        """Whether the last renewal is recent by our clock; a clock that disagrees makes it look otherwise."""
        renewed = _parsed(self.renewed)
        return renewed is not None and -self.seconds <= (now - renewed).total_seconds() <= self.seconds

    def __str__(self) -> str:
        renewed = _parsed(self.renewed)
        until = (renewed + dt.timedelta(seconds=self.seconds)).strftime("%H:%M:%S") if renewed else "unknown"
        return "%s, at work since %s; its Lease %s lasts until %s UTC unless it is renewed" % (
            self.holder,
            self.since[:19] + "Z",
            self.where,
            until,
        )


class Leases:
    """Access to one component's Lease by one holder. Raises ApiError, and RolloutError where a right is missing."""

    def __init__(
        self,
        client: EngineClient,
        namespace: str,
        component: str,
        holder: _holder.Holder,
        seconds: float = SECONDS,
    ) -> None:
        self.namespace, self.name, self.holder, self.seconds = namespace, name_of(component), holder, seconds
        self._client = client
        self._collection = "/apis/coordination.k8s.io/v1/namespaces/%s/leases" % namespace
        self.path = "%s/%s" % (self._collection, self.name)

    def read(self) -> Optional[Seen]:
        """The Lease, or None where there is none."""
        try:
            body = _live.get(self._client, self.path)
        except ApiError as error:
            raise self._named(error) from error
        return self._seen(body) if body else None

    def create(self, last: bool = False) -> Optional[Seen]:
        """Make the Lease; None where another was quicker, or (but for the last try) nobody knows. Raises NoPlace."""
        now = _now()
        spec = {"acquireTime": now, "renewTime": now, "leaseTransitions": 0}
        try:
            return self._seen(self._client.send("POST", self._collection, self._body(spec, {})))
        except ApiError as error:
            answer = classify(error)
            if answer in (Answer.NOT_FOUND, Answer.TERMINATING):
                raise NoPlace from error
            # A lost answer is read up on: a name is given once, so the call mustn't simply be repeated.
            if answer is Answer.EXISTS or (answer in (*RETRIED, Answer.STALE) and not last):
                return None
            raise self._named(error) from error

    def take(self, seen: Seen) -> Optional[Seen]:
        """Take it over from a holder that is gone; None where it changed meanwhile."""
        now = _now()
        return self._update(seen, {"acquireTime": now, "renewTime": now, "leaseTransitions": seen.transitions + 1})

    def renew(self, seen: Seen) -> Optional[Seen]:
        """Renew our own; None where it changed meanwhile or is gone."""
        times = {"acquireTime": seen.since, "renewTime": _now()}
        return self._update(seen, {**times, "leaseTransitions": seen.transitions})

    def delete(self, seen: Seen) -> bool:
        """Give our own back; false where it changed meanwhile."""
        preconditions = {"uid": seen.uid, "resourceVersion": seen.version}
        try:
            _writes.delete(self._client, self.path, preconditions)
        except ApiError as error:
            if classify(error) is Answer.STALE:
                return False
            if classify(error) is not Answer.NOT_FOUND:
                raise
        return True

    def _update(self, seen: Seen, spec: Mapping[str, Any]) -> Optional[Seen]:
        try:
            body = self._body(spec, {"uid": seen.uid, "resourceVersion": seen.version})
            return self._seen(self._client.send("PUT", self.path, body))
        except ApiError as error:
            if classify(error) in (Answer.STALE, Answer.NOT_FOUND):
                return None
            raise self._named(error) from error

    def _body(self, spec: Mapping[str, Any], known: Mapping[str, str]) -> Object:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {"app.kubernetes.io/part-of": _transform.PART_OF},
                "annotations": self.holder.annotations,
                **known,
            },
            "spec": {"holderIdentity": self.holder.identity, "leaseDurationSeconds": int(self.seconds), **spec},
        }

    def _seen(self, body: Object) -> Seen:
        metadata: Dict[str, Any] = body.get("metadata") or {}
        spec: Dict[str, Any] = body.get("spec") or {}
        holder = str(spec.get("holderIdentity") or "")
        return Seen(
            where="%s/%s" % (self.namespace, self.name),
            version=str(metadata.get("resourceVersion") or ""),
            uid=str(metadata.get("uid") or ""),
            holder=holder,
            ours=holder == self.holder.identity,
            since=str(spec.get("acquireTime") or ""),
            renewed=str(spec.get("renewTime") or ""),
            seconds=float(spec.get("leaseDurationSeconds") or SECONDS),
            transitions=int(spec.get("leaseTransitions") or 0),
            annotations=metadata.get("annotations") or {},
        )

    def _named(self, error: ApiError) -> Exception:
        if classify(error) is not Answer.FORBIDDEN:
            return error
        return RolloutError(
            "A run keeps others off its component by the Lease %s/%s, and this login may not: %s. Grant %s on leases "
            "(coordination.k8s.io) in the namespace %s."
            % (self.namespace, self.name, error.message, ", ".join(VERBS), self.namespace)
        )


def _now() -> str:
    return dt.datetime.now(dt.timezone.utc).strftime(_TIME)


def _parsed(text: str) -> Optional[dt.datetime]:
    try:
        return dt.datetime.strptime(text, _TIME).replace(tzinfo=dt.timezone.utc)
    except ValueError:
        return None
