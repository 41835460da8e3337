# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What an API server's refusal means: a table, so that no caller guesses from a status code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import FrozenSet, List, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError


class Answer(str, Enum):
    """The classes of refusal that are treated differently."""

    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    OWNED = "owned"
    STALE = "stale"
    EXISTS = "exists"
    INVALID = "invalid"
    NO_DRY_RUN = "no_dry_run"
    TERMINATING = "terminating"
    WEBHOOK = "webhook"
    BUDGET = "budget"
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    OTHER = "other"


@dataclass(frozen=True)
class Rule:
    """Matches by status, by reason and by a part of the message; empty means any."""

    answer: Answer
    statuses: FrozenSet[int]
    reason: str = ""
    text: str = ""


def _rule(answer: Answer, *statuses: int, reason: str = "", text: str = "") -> Rule:
    return Rule(answer, frozenset(statuses), reason, text)


RULES: Tuple[Rule, ...] = (
    _rule(Answer.UNTRUSTED, 0, reason="BadCertificate"),
    _rule(Answer.UNREACHABLE, 0),
    _rule(Answer.UNAUTHENTICATED, 401),
    _rule(Answer.NO_DRY_RUN, 400, text="does not support dry run"),
    _rule(Answer.TERMINATING, 403, text="because it is being terminated"),
    _rule(Answer.FORBIDDEN, 403),
    _rule(Answer.NOT_FOUND, 404),
    _rule(Answer.NOT_FOUND, 410),
    _rule(Answer.OWNED, 409, text="Apply failed with "),
    _rule(Answer.EXISTS, 409, reason="AlreadyExists"),
    _rule(Answer.STALE, 409),
    _rule(Answer.BUDGET, 429, text="disruption budget"),
    _rule(Answer.THROTTLED, 429),
    _rule(Answer.INVALID, 400, 413, 415, 422),
    # Server-side apply answers unknown fields, wrong types and duplicate list keys with a bare 500.
    _rule(Answer.INVALID, 500, text="failed to create typed "),
    _rule(Answer.INVALID, 500, text="more than one PodDisruptionBudget"),
    _rule(Answer.WEBHOOK, 500, text="failed calling webhook"),
    _rule(Answer.WEBHOOK, 500, text="conversion webhook for "),
    _rule(Answer.TRANSIENT, 500, reason="InternalError"),
    _rule(Answer.TRANSIENT, 500, reason="ServerTimeout"),
    _rule(Answer.TRANSIENT, 500, text="etcdserver: "),
    _rule(Answer.TRANSIENT, 500, text="context deadline exceeded"),
    # The API server's own connection to etcd (gRPC) breaks.
    _rule(Answer.TRANSIENT, 500, text="rpc error: "),
    _rule(Answer.TRANSIENT, 500, text="transport is closing"),
    _rule(Answer.TRANSIENT, 500, text="connection refused"),
    _rule(Answer.INVALID, 500),
    _rule(Answer.TRANSIENT, 408, 502, 503, 504),
)

NO_ACCESS: FrozenSet[Answer] = frozenset({Answer.UNREACHABLE, Answer.UNTRUSTED, Answer.UNAUTHENTICATED})
"""Says nothing of the object: no further call will fare better."""

NO_VERDICT: FrozenSet[Answer] = NO_ACCESS | {Answer.THROTTLED, Answer.TRANSIENT}
"""The same of a dry run, which has been repeated already."""

RETRIED: FrozenSet[Answer] = frozenset({Answer.THROTTLED, Answer.TRANSIENT, Answer.UNREACHABLE, Answer.WEBHOOK})
"""Worth trying again when the call can be repeated."""


def classify(error: ApiError) -> Answer:
    """Find the first rule that matches."""
    for rule in RULES:
        if error.status not in rule.statuses:
            continue
        if rule.reason and rule.reason != error.reason:
            continue
        if rule.text and rule.text not in error.message:
            continue
        return rule.answer
    return Answer.OTHER


_TYPED = re.compile(r"^\s*(?P<field>\.[^:\s]+): (?P<message>.+?)\s*$")
_GO_VALUE = re.compile(r"&(?:value\.valueUnstructured)?\{(?:Value:)?(?P<value>.*)\}$", re.MULTILINE)
"""How Go prints a value of the wrong type."""
_TYPED_HEAD = re.compile(
    r"failed to (?:create typed (?:patch|live) object|convert new object) \([^)]*\)(?: to proper version)?: ?"
    r"(?:unable to convert unstructured object to [^:]*: )?"
)


def faults(error: ApiError) -> List[Tuple[str, str]]:
    """Split a refusal into (field path, message) pairs; the path is empty where none is named."""
    causes = error.details.get("causes") or []
    found = [
        (str(cause.get("field") or "").lstrip("."), str(cause.get("message") or error.message)) for cause in causes
    ]
    if found:
        return found
    text = _GO_VALUE.sub(r"\g<value>", _TYPED_HEAD.sub("", error.message))
    for line in text.splitlines():
        match = _TYPED.match(line)
        if match:
            found.append((match.group("field").lstrip("."), match.group("message")))
    return found or [("", text.strip())]
