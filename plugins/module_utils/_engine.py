# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One rollout: the function that the action and the module share."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _absent,
    _access,
    _apply,
    _claims_grow,
    _connection_secrets,
    _deletion,
    _lease,
    _login_client,
    _mask,
    _permissions,
    _plan,
    _prune,
    _record,
    _rollout_result,
    _verdict,
    _wait,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._connection_errors import explain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item, counts
from ansible_collections.openhands.gpu_observability.plugins.module_utils._order import FOUNDATION, stage
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Change,
    Emit,
    Status,
    Verdict,
)


def run(
    request: Request,
    emit: Emit,
    *,
    environ: Optional[Mapping[str, str]] = None,
    client: Optional[EngineClient] = None,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    alive: Optional[Callable[[], bool]] = None,
) -> Dict[str, Any]:
    """Roll a component out (or away) and return the task's result. Raises RolloutError; no secret is in either.

    environ: where K8S_AUTH_* are looked up, the process's own by default. client, now, sleep: for tests.
    alive: whether whoever started this run is still there, by default its parent process: an orphan stops writing.
    """
    rollout = _Rollout(request, emit, Clock(now, sleep), alive)
    try:
        if client is None:
            around = os.environ if environ is None else environ
            rollout.secrets |= _connection_secrets.of_options(request.connection, around)
        asked, endpoint = _login_client.opened(request.connection, environ, client)
        rollout.secrets |= _connection_secrets.of_endpoint(endpoint)
        try:
            rollout.run(asked)
        except ApiError as error:
            raise explain(error, endpoint) from error
    except RolloutError as error:
        error.message = _mask.scrub(error.message, rollout.secrets)
        error.args = (error.message,)
        result = _rollout_result.of_failed(rollout.result())
        error.result = _mask.scrub_result({**result, **error.result}, rollout.secrets)
        raise
    return _mask.scrub_result(rollout.result(), rollout.secrets)


class _Rollout:
    """The state of one run, so that an error can still tell what was done."""

    def __init__(self, request: Request, emit: Emit, clock: Clock, alive: Optional[Callable[[], bool]] = None) -> None:
        self.request = request
        self.clock, self.alive = clock, alive
        self.started = clock.now()
        self.items: List[Item] = []
        self.warnings: List[str] = []
        self.secrets: Set[str] = _mask.secret_values(manifest.body for manifest in request.manifests)
        self.emit: Emit = lambda line: emit("%s: %s" % (request.component, _mask.scrub(line, self.secrets)))

    def run(self, client: EngineClient) -> None:
        try:
            with _lease.held(client, self.request, self.emit, self.clock, self.alive) as fenced:
                client = fenced
                _lease.planned(lambda: self._work(fenced), self.emit)
        finally:
            self.warnings += [text for text in client.warnings() if text not in self.warnings]

    def _work(self, client: EngineClient) -> None:
        self.items, self.warnings = [], []
        if self.request.present:
            self._present(client)
        else:
            self._absent(client)

    def result(self) -> Dict[str, Any]:
        return _rollout_result.build(
            self.request, _rollout_result.with_claims(self.items), self.warnings, self.clock.now() - self.started
        )

    def _present(self, client: EngineClient) -> None:
        if not self.request.manifests:
            self.warnings.append(
                "%s: no objects were rendered, nothing is done and nothing is deleted." % self.request.component
            )
            return
        try:
            plan = _plan.make(client, self.request, self.clock)
        except (RolloutError, ApiError) as error:
            _access.explain(client, self.request, error)
            raise
        self.items = plan.items
        self.warnings += plan.warnings
        self.secrets |= _mask.secret_values(item.manifest.body for item in plan.items)
        self.secrets |= _mask.secret_values(item.live for item in plan.items if item.live)
        number = counts(plan.items)
        self.emit(
            "%d objects: %d to create, %d to change, %d unchanged"
            % (len(plan.items), number["created"], number["configured"], number["unchanged"])
        )
        leaving = _prune.plan(client, self.request, plan.recorded or [], plan.items)
        self.warnings += _permissions.unused(self.request, [*plan.items, *leaving])
        _access.check(client, self.request, [*plan.items, *leaving])
        if self.request.check_mode:
            self._judge()
            self.items = plan.items + leaving
            self.warnings += _prune.warnings(leaving)
            return
        record = _record.Record(client, self.request, plan.recorded)
        record.remember(plan.items)
        try:
            self._apply(client, plan, record)
        except (RolloutError, ApiError):
            self._mark_unwritten()
            raise
        record.settle(plan.items, _prune.stays(leaving))
        self.warnings += _prune.warnings(leaving)
        if self.request.wait:
            self._wait(client)
        else:
            self._judge()
        self.warnings += _claims_grow.look(client, plan.items)
        self._prune(client, record, leaving)

    def _prune(self, client: EngineClient, record: _record.Record, leaving: List[Item]) -> None:
        """Only now, when the new set is known to be current."""
        wanted = self.items
        if not leaving:
            return
        if any(item.verdict is None or item.verdict.status is not Status.CURRENT for item in wanted):
            _prune.postpone(leaving)
        self.items = wanted + leaving
        try:
            _prune.run(client, self.request, leaving, self.emit, self.clock)
        finally:
            record.settle(wanted, _prune.stays(leaving))
        _prune.check(self.request, leaving)

    def _apply(self, client: EngineClient, plan: _plan.Plan, record: _record.Record) -> None:
        # The record's own namespace goes first; then the record, before anything that it must not miss.
        home = [item for item in plan.foundation if item.id.kind == "Namespace" and item.id.name == record.namespace]
        _apply.write(client, home, self.emit, self.clock)
        record.announce(plan.items)
        _apply.foundation(client, plan, [item for item in plan.foundation if item not in home], self.emit, self.clock)
        _apply.write(client, plan.rest, self.emit, self.clock)

    def _mark_unwritten(self) -> None:
        """After an error halfway: what wasn't written isn't a change."""
        for item in self.items:
            if item.change in (Change.CREATED, Change.CONFIGURED) and item.applied is None:
                item.change, item.note = Change.SKIPPED, "not written"

    def _wait(self, client: EngineClient) -> None:
        open_items = self._not_yet_current()
        outcomes = _wait.wait_for(
            client,
            [
                _wait.Target(item.resource, item.id, _written(item), self.request.component)
                for item in open_items
                if item.resource is not None
            ],
            timeout=self.request.wait_timeout,
            emit=self.emit,
            clock=self.clock.now,
            sleep=self.clock.sleep,
            conditions=self.request.conditions,
            secrets=sorted(self.secrets),
        )
        by_id = {outcome.id: outcome for outcome in outcomes}
        for item in open_items:
            outcome = by_id.get(item.id)
            if outcome is not None:
                item.verdict, item.seconds = outcome.verdict, outcome.seconds
        if any(item.verdict is None or item.verdict.status is not Status.CURRENT for item in self.items):
            raise RolloutError(_rollout_result.unfinished(self.request, self.items))

    def _not_yet_current(self) -> List[Item]:
        """Who must be waited for. What only has to exist was just seen, and where nothing was written so was all."""
        idle = all(item.change is Change.UNCHANGED for item in self.items)
        left = []
        for item in self.items:
            lasting = stage(item.id) == FOUNDATION  # nothing that this run does can undo these
            exists = _verdict.settles_at_once(item.id.group, item.id.kind, self.request.conditions)
            if item.change is Change.UNCHANGED:
                seen = item.live if idle or lasting or exists else None
            else:
                seen = item.applied if exists else None
            if seen is not None:
                item.verdict = _verdict.assess(seen, (), self.request.conditions)
            if item.verdict is None or item.verdict.status is not Status.CURRENT:
                left.append(item)
        return left

    def _judge(self) -> None:
        """One look at every object as it was last seen, without waiting."""
        for item in self.items:
            body = item.current_object
            if body is None:
                item.verdict = Verdict(Status.NOT_FOUND, item.deferred)
            else:
                item.verdict = _verdict.assess(body, (), self.request.conditions)

    def _absent(self, client: EngineClient) -> None:
        self.items = _absent.plan(client, self.request)
        doomed = [item for item in self.items if item.change is Change.DELETED]
        self.emit("%d objects: %d to delete" % (len(self.items), len(doomed)))
        kept = [item for item in self.items if item.change is Change.SKIPPED]
        if kept:
            self.warnings.append("Left in place: %s." % "; ".join("%s (%s)" % (i.id, i.note) for i in kept))
        self.warnings += _permissions.unused(self.request, self.items)
        _access.check(client, self.request, self.items)
        if self.request.check_mode:
            return
        _absent.run(client, self.request, self.items, self.emit, self.clock.now)
        if not _deletion.gone(doomed):
            raise RolloutError(_rollout_result.unfinished(self.request, self.items))


def _written(item: Item) -> bool:
    return item.change in (Change.CREATED, Change.CONFIGURED)
