# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""How long, how often and with what hint a refused call is tried again: a table by class of refusal."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass
from typing import Callable, Dict, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

QUESTIONS = ("/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/")
"""Posted like objects, but nothing is stored: asking twice is asking once."""

FIRST_PATIENCE_SECONDS = 3.0
"""Before the server ever answered: a wrong address should be said soon."""

MEMORY_SECONDS = 30.0
"""So long after patience ended for one reason, other calls that meet the same one are not repeated."""


@dataclass(frozen=True)
class Class:
    """patience: seconds from the first try; dry_run: the same for a dry run. first, longest: seconds between tries.

    again: whether even a call that isn't idempotent may be sent again, because the server did nothing.
    """

    patience: float
    dry_run: float
    first: float
    longest: float
    again: bool = False


CLASSES: Mapping[Answer, Class] = {
    # A single control-plane node that restarts its API server is away for half a minute.
    Answer.UNREACHABLE: Class(60.0, 60.0, 0.25, 5.0),
    Answer.TRANSIENT: Class(60.0, 60.0, 0.25, 5.0),
    Answer.THROTTLED: Class(60.0, 60.0, 0.5, 10.0, again=True),
    # What serves the webhook may be starting, or its certificate be on its way; admission comes before storage.
    Answer.WEBHOOK: Class(60.0, 20.0, 0.5, 3.0, again=True),
}
RACE = Class(10.0, 10.0, 0.05, 1.0)
"""The server gave up on a write that names no version because others wrote at the same time."""

_HINTS: Tuple[Tuple[str, str], ...] = (
    ("x509: ", "its certificate isn't valid yet or its caBundle isn't filled in: look at who issues it, and at clocks"),
    ("webhook", "nothing answers there: look at the pods behind this webhook's service"),
    ("etcdserver: ", "look at etcd's health on the control plane"),
)
_WEBHOOK = re.compile(r'webhook (?:for )?"?(?P<name>[^",]+)')


@dataclass
class Attempt:
    """One call's tries so far. unversioned: it is a write that insists on no version of its object."""

    method: str
    path: str
    began: float
    dry_run: bool = False
    unversioned: bool = False
    number: int = 0

    @property
    def idempotent(self) -> bool:
        """Whether doing it twice is doing it once: true for all that we send but making an object."""
        return self.method != "POST" or self.path.startswith(QUESTIONS)


class Patience:
    """Decides about tries, and remembers for what it ran out. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float], limit: Optional[float] = None) -> None:
        self._clock, self._limit = clock, limit
        self._gone: Dict[Tuple[Answer, str, bool], float] = {}
        self._lock = threading.Lock()
        self.answered = False
        """Whether the server ever answered."""

    def hurry(self, seconds: float) -> None:
        """Have no more patience than this with any call."""
        self._limit = seconds

    def pause(self, attempt: Attempt, error: ApiError) -> float:
        """Seconds until the next try. Raises the error, with what was tried, once that is in vain."""
        answer = classify(error)
        rules = RACE if answer is Answer.STALE and attempt.unversioned else CLASSES.get(answer)
        if rules is None or not _repeatable(attempt, rules, error):
            raise tell(error, attempt, self._clock())
        # What a plan didn't wait for, a write may well wait for.
        now, key = self._clock(), (answer, _subject(answer, error, attempt.path), attempt.dry_run)
        patience = rules.dry_run if attempt.dry_run else rules.patience
        if answer is Answer.UNREACHABLE and not self.answered:
            patience = min(patience, FIRST_PATIENCE_SECONDS)
        if self._limit is not None:
            patience = min(patience, self._limit)
        with self._lock:
            hopeless = now - self._gone.get(key, -MEMORY_SECONDS) < MEMORY_SECONDS
        pause = _pause(rules, attempt.number, error.retry_after)
        if hopeless or now - attempt.began + pause > patience:
            if not hopeless:
                with self._lock:
                    self._gone[key] = now
            raise tell(error, attempt, now, asked=pause > patience)
        return pause

    def succeeded(self, path: str) -> None:
        """Whatever was wrong with this part of the API is over."""
        self.answered = True
        if self._gone:
            with self._lock:
                for key in [key for key in self._gone if key[1] == api_of(path)]:
                    del self._gone[key]


def tell(error: ApiError, attempt: Attempt, now: float, asked: bool = False) -> ApiError:
    """The error, with what was tried and what to look at."""
    parts = [error.message.rstrip(". \n")]
    if attempt.number:
        parts.append("tried %d times in %d s" % (attempt.number + 1, round(now - attempt.began)))
    if asked and error.retry_after:
        parts.append("the server asks to wait %d s" % error.retry_after)
    if classify(error) in (Answer.WEBHOOK, Answer.TRANSIENT):
        parts += [hint for mark, hint in _HINTS if mark in error.message][:1]
    if len(parts) == 1:
        return error
    # A cause without a field only says the message again.
    details = {key: value for key, value in error.details.items() if key != "causes"}
    return ApiError(error.status, error.reason, "; ".join(parts), details, error.retry_after)


def api_of(path: str) -> str:
    """The part of the API that a path belongs to: ``/api/v1``, ``/apis/group/version``."""
    return "/".join(path.split("/")[: 3 if path.startswith("/api/") else 4])


def _repeatable(attempt: Attempt, rules: Class, error: ApiError) -> bool:
    """Without an answer it may have been obeyed; whether that matters is the call's nature."""
    return attempt.idempotent or rules.again or error.details.get("sent") is False


def _subject(answer: Answer, error: ApiError, path: str) -> str:
    """What is at fault: a webhook by its name, else a part of the API."""
    match = _WEBHOOK.search(error.message) if answer is Answer.WEBHOOK else None
    return match.group("name") if match else api_of(path)


def _pause(rules: Class, number: int, retry_after: Optional[float]) -> float:
    """Doubling with jitter, and never sooner than the server asks."""
    backoff: float = min(rules.longest, rules.first * 2**number) * random.uniform(0.5, 1.0)  # noqa: S311 (spreads)
    if retry_after:
        return max(backoff, retry_after * random.uniform(1.0, 1.1))  # noqa: S311 (likewise)
    return backoff
