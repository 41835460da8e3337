# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One rollout: the function that the action and the module share."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _absent,
    _apply,
    _client,
    _inventory,
    _live,
    _login,
    _mask,
    _plan,
    _rollout_result,
    _verdict,
    _wait,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._connection_errors import explain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item, counts
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
    environ: Optional[Mapping[str, str]] = None,
    client: Optional[EngineClient] = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Dict[str, Any]:
    """Roll a component out (or away) and return the task's result. Raises RolloutError; no secret is in either."""
    secrets = _mask.secret_values(manifest.body for manifest in request.manifests)
    rollout = _Rollout(request, lambda line: emit("%s: %s" % (request.component, _mask.scrub(line, secrets))), clock)
    try:
        endpoint = _login.resolve(request.connection, environ) if client is None else None
        try:
            rollout.run(client or _client.connect(endpoint), _apply.Clock(clock, sleep))  # type: ignore[arg-type]
        except ApiError as error:
            raise explain(error, endpoint) from error
    except RolloutError as error:
        error.message = _mask.scrub(error.message, secrets)
        error.args = (error.message,)
        error.result = {**rollout.result(), **error.result}
        error.result = _clean(error.result, secrets)
        raise
    return _clean(rollout.result(), secrets)


class _Rollout:
    """The state of one run, so that an error can still tell what was done."""

    def __init__(self, request: Request, emit: Emit, clock: Callable[[], float]) -> None:
        self.request = request
        self.emit = emit
        self.clock = clock
        self.started = clock()
        self.items: List[Item] = []
        self.warnings: List[str] = []
        self.written = False

    def run(self, client: EngineClient, clock: _apply.Clock) -> None:
        try:
            if self.request.present:
                self._present(client, clock)
            else:
                self._absent(client)
        finally:
            self.warnings += [text for text in client.warnings() if text not in self.warnings]

    def result(self) -> Dict[str, Any]:
        return _rollout_result.build(self.request, self.items, self.warnings, self.clock() - self.started)

    def _present(self, client: EngineClient, clock: _apply.Clock) -> None:
        request = self.request
        if not request.manifests:
            self.warnings.append("%s: no objects were rendered, nothing is done." % request.component)
            return
        plan = _plan.make(client, request)
        self.items = plan.items
        self.warnings += plan.warnings
        self._say_plan()
        if request.check_mode:
            self._judge(client)
            return
        recorded = self._apply(client, plan, clock)
        self._note_leftovers(recorded)
        if request.wait:
            self._wait(client)
        else:
            self._judge(client)

    def _apply(self, client: EngineClient, plan: _plan.Plan, clock: _apply.Clock) -> List[_inventory.Entry]:
        request = self.request
        place, component = request.inventory_namespace, request.component
        own_place = [item for item in plan.foundation if item.id.kind == "Namespace" and item.id.name == place]
        _apply.write(client, own_place, self.emit)
        recorded = _inventory.read(client, place, component)
        wanted = [_inventory.Entry(item.api_version, item.id, _apply.uid(item.current_object)) for item in plan.items]
        # The union is written first: whatever this run may leave behind halfway is on record.
        union = _inventory.union(recorded or [], wanted)
        if not _inventory.same(recorded, union):
            _inventory.write(client, place, component, union)
        rest = [item for item in plan.foundation if item not in own_place]
        _apply.foundation(client, plan, rest, self.emit, clock)
        late = [item for item in plan.items if item not in plan.foundation]
        _apply.write(client, late, self.emit)
        seen = [_inventory.Entry(item.api_version, item.id, _apply.uid(item.current_object)) for item in plan.items]
        exact = _inventory.union(self._still_there(client, recorded or [], seen), seen)
        if not _inventory.same(union, exact):
            _inventory.write(client, place, component, exact)
        return exact

    def _still_there(
        self, client: EngineClient, recorded: List[_inventory.Entry], seen: List[_inventory.Entry]
    ) -> List[_inventory.Entry]:
        """Recorded objects that are no longer rendered but still exist: they stay on record until pruned."""
        known = {entry.id for entry in seen}
        kept = []
        for entry in recorded:
            resource = client.resource(entry.api_version, entry.id.kind)
            if entry.id in known or resource is None:
                continue
            if _live.get(client, resource.path(entry.id.namespace, entry.id.name)) is not None:
                kept.append(entry)
        return kept

    def _note_leftovers(self, recorded: List[_inventory.Entry]) -> None:
        known = {item.id for item in self.items}
        left = [str(entry.id) for entry in recorded if entry.id not in known]
        if left:
            self.warnings.append("No longer part of the set but still in the cluster: %s." % ", ".join(left))

    def _say_plan(self) -> None:
        number = counts(self.items)
        self.emit(
            "%d objects: %d to create, %d to change, %d unchanged"
            % (len(self.items), number["created"], number["configured"], number["unchanged"])
        )

    def _wait(self, client: EngineClient) -> None:
        targets = [_wait.Target(item.resource, item.id) for item in self.items if item.resource is not None]
        outcomes = _wait.wait_for(
            client,
            targets,
            timeout=self.request.wait_timeout,
            emit=self.emit,
            clock=self.clock,
            conditions=self.request.conditions,
        )
        by_id = {outcome.id: outcome for outcome in outcomes}
        for item in self.items:
            outcome = by_id.get(item.id)
            if outcome is not None:
                item.verdict, item.seconds = outcome.verdict, outcome.seconds
        if any(item.verdict is None or item.verdict.status is not Status.CURRENT for item in self.items):
            raise RolloutError(_rollout_result.unfinished(self.request, self.items))

    def _judge(self, client: EngineClient) -> None:
        """One look at every object, without waiting."""
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
        if not self.request.check_mode:
            _absent.run(client, self.request, self.items, self.emit, self.clock)
            if not _absent.gone(doomed):
                raise RolloutError(_rollout_result.unfinished(self.request, self.items))


def _clean(result: Dict[str, Any], secrets: Any) -> Dict[str, Any]:
    """Remove secrets from all free text; names and kinds stay readable."""
    objects = [{**entry, "reason": _mask.scrub(entry["reason"], secrets)} for entry in result.get("objects", [])]
    problems = [{**p, "message": _mask.scrub(p["message"], secrets)} for p in result.get("problems", [])]
    cleaned = {**result, "objects": objects, "warnings": [_mask.scrub(w, secrets) for w in result["warnings"]]}
    if problems:
        cleaned["problems"] = problems
    return cleaned
