# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One run's hold on its component's Lease: taken by the first write, renewed, checked before every write."""

from __future__ import annotations

import datetime as dt
import os
import signal
import threading
import time
from typing import Callable, List, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _holder, _inventory, _live
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._leases import SECONDS, Leases, NoPlace, Seen
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Emit

RENEW_SECONDS = SECONDS / 3
"""Between two renewals."""

FENCE_SECONDS = SECONDS * 2 / 3
"""So long after a renewal nothing is written before the next one; nobody else can have the Lease that early."""

LOOK_SECONDS = 1.0
"""Between two looks at another's Lease, and at whether this run's starter is still there."""

SAY_SECONDS = 10.0
"""Between two lines of progress."""

TRIES, CREATES = 5, 20


class Outdated(Exception):
    """Another run was at work between the plan and the first write: the plan may be wrong."""


class Leaseholder:
    """Safe to use from several threads."""

    def __init__(
        self,
        client: EngineClient,
        request: Request,
        emit: Emit,
        clock: Clock,
        alive: Callable[[], bool],
    ) -> None:
        self.record_path = _inventory.path(request.inventory_namespace, request.component)
        self.record_version: Optional[str] = None
        """Of the record as the plan read it; empty where there was none, None where nobody looked."""
        self.notes: List[str] = []
        self._client = client
        self._leases = Leases(client, request.inventory_namespace, request.component, _holder.Holder())
        self._component, self._wait = request.component, request.lease_wait
        self._emit, self._sleep, self._alive = emit, clock.sleep, alive
        self._now = _awake if clock.now is time.monotonic else clock.now
        self._taking, self._renewing = threading.Lock(), threading.Lock()
        self._done = threading.Event()
        self._mine: Optional[Seen] = None
        self._renewed = 0.0
        self._end: Optional[RolloutError] = None

    def look(self) -> None:
        """Note it where another run is at work; for those who only read."""
        try:
            seen = self._leases.read()
        except (ApiError, RolloutError):
            return  # who may not read leases may plan all the same
        if seen is not None and seen.holder and not seen.dead and seen.looks_alive(_wall()):
            self.notes.append("Another run works on %s: %s. What was predicted may change." % (self._component, seen))

    def ensure(self, method: str, path: str) -> None:
        """Hold the Lease before a write. Raises RolloutError that names who has it, Outdated, or ApiError."""
        with self._taking:
            if self._mine is None and self._end is None:
                try:
                    changed = self._take()
                except NoPlace:
                    # Its namespace comes with this very write, or goes away with all that this run could disturb.
                    if method == "DELETE" or path == "/api/v1/namespaces/" + self._leases.namespace:
                        return
                    raise self._stop("finds no namespace %s for its record" % self._leases.namespace) from None
                threading.Thread(target=self._keep, name="lease", daemon=True).start()
                if changed or self._record_changed():
                    raise Outdated("another run of this component was at work meanwhile")
        self.check(path)

    def check(self, path: str = "") -> None:
        """Raise unless the Lease is ours; renew it first where the last renewal is long ago."""
        if path == self._leases.path:
            return
        if self._end is not None:
            raise self._end
        if self._mine is not None and self._now() - self._renewed > FENCE_SECONDS:
            self._renew()

    def close(self) -> None:
        """Let nobody write any more."""
        self._end = self._end or self._stop("was interrupted")

    def release(self, idle: bool = True) -> None:
        """Give the Lease back; left to expire while a write may still be on its way."""
        self._done.set()
        self._end = self._end or self._stop("has ended")
        with self._renewing:
            mine, self._mine = self._mine, None
            if mine is None or not idle:
                return
            try:
                if not self._leases.delete(mine):
                    seen = self._leases.read()  # an own renewal whose answer was lost, or another's
                    if seen is not None and seen.ours:
                        self._leases.delete(seen)
            except (ApiError, RolloutError):
                self._emit("its Lease couldn't be given back: it expires within %d s" % SECONDS)

    def _take(self) -> bool:
        """Take the Lease; whether another had it since we looked first. Raises NoPlace."""
        if not self._alive():
            raise self._orphaned()
        began = since = self._now()
        said: Optional[float] = None
        version, changed, tries = "", False, 0
        while True:
            tries, asked = tries + 1, self._now()
            seen = self._leases.read()
            if seen is None:
                self._mine = self._leases.create(last=tries >= CREATES)
            elif seen.ours:
                self._mine = seen
            else:
                if seen.version != version:
                    version, since = seen.version, asked
                changed = True
                # Only time that passed here counts: the clocks of two machines may disagree.
                if not seen.holder or seen.dead or asked - since > seen.seconds:
                    self._mine = self._leases.take(seen)
                    if self._mine is not None and seen.holder:
                        self._emit("took the Lease over from %s, which is gone" % seen.holder)
                else:
                    self._be_patient(seen, asked - began)
                    if said is None or asked - said >= SAY_SECONDS:
                        said = asked
                        self._emit("waiting for %s" % seen)
            if self._mine is not None:
                self._renewed = asked
                return changed
            self._sleep(LOOK_SECONDS if seen is not None else LOOK_SECONDS / 10)

    def _be_patient(self, seen: Seen, waited: float) -> None:
        """Raise once another's Lease was waited for long enough; one that looks left behind is watched till it ends."""
        limit = self._wait if seen.looks_alive(_wall()) else max(self._wait, seen.seconds + LOOK_SECONDS)
        if waited < limit:
            return
        advice = "run again when it is done, or set lease_wait"
        if self._wait:
            advice = "it was waited for %d s (lease_wait)" % waited
        raise RolloutError("%s: another run is at work on it: %s; %s." % (self._component, seen, advice))

    def _record_changed(self) -> bool:
        """Whether the record isn't what the plan was made with."""
        if self.record_version is None:
            return False
        body = _live.get(self._client, self.record_path)
        return self.record_version != str(((body or {}).get("metadata") or {}).get("resourceVersion") or "")

    def _renew(self) -> None:
        """Renew; sets the end where the Lease is another's. Raises RolloutError or ApiError."""
        with self._renewing:
            if self._mine is None:
                return
            for _number in range(TRIES):
                asked = self._now()
                renewed = self._leases.renew(self._mine)
                if renewed is not None:
                    self._mine, self._renewed = renewed, asked
                    return
                seen = self._leases.read()
                if seen is None and self._place_gone():
                    self._renewed = asked
                    return
                if seen is None or not seen.ours:
                    self._end = self._stop("lost its Lease to %s" % (seen or "somebody who deleted it"))
                    raise self._end
                self._mine = seen  # renewed by a call whose answer was lost
            raise self._stop("couldn't renew its Lease, which changes all the time")

    def _place_gone(self) -> bool:
        """Whether nobody can hold a Lease there any more."""
        namespace = _live.get(self._client, "/api/v1/namespaces/" + self._leases.namespace)
        return namespace is None or bool((namespace.get("metadata") or {}).get("deletionTimestamp"))

    def _keep(self) -> None:
        """Renew in time, and end the run where nobody waits for it any more."""
        due = self._now() + RENEW_SECONDS
        while not self._done.wait(LOOK_SECONDS):
            if not self._alive():
                self._end = self._end or self._orphaned()
                os.kill(os.getpid(), signal.SIGTERM)
                return
            if self._now() < due:
                continue
            try:
                self._renew()
            except ApiError:
                continue  # tried again in a second; a write that comes first tries itself
            except RolloutError:
                return
            due = self._now() + RENEW_SECONDS

    def _orphaned(self) -> RolloutError:
        return self._stop("was left alone: whoever started it is gone")

    def _stop(self, why: str) -> RolloutError:
        return RolloutError(
            "%s: this run %s. It writes nothing more; a rerun goes on from here." % (self._component, why)
        )


def _awake() -> float:
    """Seconds that also pass while the machine sleeps, where the system counts them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _wall() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)
