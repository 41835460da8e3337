# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Empty a node by the eviction API: GPU pods first, disruption budgets respected, for a bounded time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _pages
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import RETRIED, Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import pods as pods_of
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    condensed,
    mapping,
    name_of,
    text,
)

PAUSE = 2.0
"""Seconds between two rounds."""

BUDGETS = "/apis/policy/v1/poddisruptionbudgets"

PASSING = RETRIED | {Answer.BUDGET, Answer.INVALID, Answer.TERMINATING}
"""Refusals after which the next round asks again: the uid in each eviction makes asking twice asking once."""


@dataclass
class Outcome:
    """evicted: pods that were asked to go. left: pods that are still there at the end, each with its reason."""

    evicted: List[str] = field(default_factory=list)
    left: List[str] = field(default_factory=list)


def pods_on(client: EngineClient, node: str) -> List[Object]:
    """All pods of a node. Raises ApiError."""
    return list(_pages.objects(client, "/api/v1/pods", {"fieldSelector": "spec.nodeName=" + node}))


def budgets(client: EngineClient) -> List[Object]:
    """All PodDisruptionBudgets. Raises ApiError."""
    return list(_pages.objects(client, BUDGETS))


def empty(
    client: EngineClient,
    node: str,
    choice: pods_of.Choice,
    *,
    timeout: float,
    grace: Optional[int] = None,
    clock: Clock,
) -> Outcome:
    """Evict until nothing is left that should leave, or the time (seconds) is over. grace: in place of each pod's."""
    outcome = Outcome()
    deadline = clock.now() + timeout
    while True:
        leaving = pods_of.sort(pods_on(client, node), choice).leaving
        if not leaving:
            outcome.left = []
            return outcome
        kept = _round(client, leaving, grace, outcome)
        outcome.left = [_why(pod, kept) for pod in leaving]
        if clock.now() >= deadline:
            return outcome
        clock.sleep(PAUSE)


def _round(client: EngineClient, leaving: Sequence[Object], grace: Optional[int], outcome: Outcome) -> Dict[str, str]:
    """Ask once for every pod that isn't going yet; the others once every GPU pod was let go."""
    kept: Dict[str, str] = {}
    waiting = [pod for pod in leaving if not pods_of.going(pod)]
    first = [pod for pod in waiting if pods_of.holds_gpu(pod)]
    for pod in first or waiting:
        refusal = _evict(client, pod, grace)
        if refusal:
            kept[pods_of.identity(pod)] = refusal
        elif pods_of.identity(pod) not in outcome.evicted:
            outcome.evicted.append(pods_of.identity(pod))
    return kept


def _evict(client: EngineClient, pod: Object, grace: Optional[int]) -> str:
    """Ask for one eviction; why it was refused, empty where it wasn't. Raises ApiError."""
    options: Object = {"preconditions": {"uid": text(pod, "metadata", "uid")}}
    if grace is not None:
        options["gracePeriodSeconds"] = grace
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name_of(pod), "namespace": text(pod, "metadata", "namespace")},
        "deleteOptions": options,
    }
    path = "/api/v1/namespaces/%s/pods/%s/eviction" % (text(pod, "metadata", "namespace"), name_of(pod))
    try:
        client.send("POST", path, body)
    except ApiError as error:
        answer = classify(error)
        if answer in (Answer.NOT_FOUND, Answer.STALE):
            return ""  # gone, or another pod of that name
        if answer in PASSING:
            return _said(error)
        raise
    return ""


def _said(error: ApiError) -> str:
    causes = [str(cause.get("message") or "") for cause in error.details.get("causes") or ()]
    return condensed("; ".join(part for part in [error.message, *causes] if part))


def _why(pod: Object, kept: Dict[str, str]) -> str:
    name = "pod " + pods_of.identity(pod)
    refusal = kept.get(pods_of.identity(pod))
    if refusal:
        return "%s: %s" % (name, refusal)
    since = text(pod, "metadata", "deletionTimestamp")
    if not since:
        return "%s: GPU pods go first" % name
    finalizers = ", ".join(map(str, mapping(pod, "metadata").get("finalizers") or []))
    held = ", held by the finalizers %s" % finalizers if finalizers else ""
    return "%s: still ending, its time is over at %s%s" % (name, since, held)
