# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is tried again, how long, and what is said when that was in vain."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import RETRIED
from ansible_collections.openhands.gpu_observability.plugins.module_utils._retry import (
    CLASSES,
    FIRST_PATIENCE_SECONDS,
    MEMORY_SECONDS,
    Attempt,
    Patience,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

WEBHOOK = 'Internal error occurred: failed calling webhook "%s": failed to call webhook: Post "https://x": %s'
PATH = "/api/v1/namespaces/a/configmaps/b"


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now


def tried(patience, time, error, method="PATCH", *, dry_run=False, path=PATH, unversioned=False):
    """Try until it is given up: the error, and the pauses."""
    attempt, pauses = Attempt(method, path, time.now, dry_run, unversioned), []
    while True:
        try:
            pause = patience.pause(attempt, error)
        except ApiError as final:
            return final, pauses
        pauses.append(pause)
        time.now += pause
        attempt.number += 1


def patient() -> tuple[Patience, Time]:
    time = Time()
    made = Patience(time.clock)
    made.succeeded("/api")
    return made, time


@pytest.mark.parametrize(
    ("error", "dry_run", "least", "most"),
    [
        (ApiError(0, "Unreachable", "x"), False, 40, 60),
        (ApiError(503, "", "x"), False, 40, 60),
        (ApiError(500, "", "etcdserver: leader changed"), False, 40, 60),
        (ApiError(500, "InternalError", WEBHOOK % ("w", "connection refused")), False, 40, 60),
        (ApiError(500, "InternalError", WEBHOOK % ("w", "connection refused")), True, 10, 20),
        (ApiError(500, "", "conversion webhook for x/v1, Kind=Y failed: Post"), False, 40, 60),
        (ApiError(409, "Conflict", "stale"), False, 0, 0),
        (ApiError(422, "Invalid", "x"), False, 0, 0),
    ],
)
def test_each_class_has_its_patience(error, dry_run, least, most):
    final, pauses = tried(*patient(), error, dry_run=dry_run)
    assert least <= sum(pauses) <= most
    if pauses:
        assert f"tried {len(pauses) + 1} times in" in final.message
    else:
        assert final is error


def test_every_class_that_is_retried_has_rules():
    assert set(CLASSES) == RETRIED


def test_pauses_grow_and_spread():
    _final, pauses = tried(*patient(), ApiError(503, "", "x"))
    assert pauses[0] <= 0.25
    assert max(pauses) <= 5.0
    assert pauses[3] > pauses[0]
    assert tried(*patient(), ApiError(503, "", "x"))[1] != pauses


def test_before_the_first_answer_patience_is_short():
    time = Time()
    _final, pauses = tried(Patience(time.clock), time, ApiError(0, "Unreachable", "x"))
    assert sum(pauses) <= FIRST_PATIENCE_SECONDS


def test_a_server_that_asks_for_more_than_patience_is_quoted():
    final, pauses = tried(*patient(), ApiError(429, "TooManyRequests", "slow down", retry_after=120.0))
    assert pauses == []
    assert final.message == "slow down; the server asks to wait 120 s"


def test_what_was_in_vain_once_isnt_tried_as_long_by_the_next_call():
    patience, time = patient()
    error = ApiError(500, "InternalError", WEBHOOK % ("w", "connection refused"))
    assert tried(patience, time, error)[1]
    assert not tried(patience, time, error)[1]
    assert tried(patience, time, ApiError(500, "InternalError", WEBHOOK % ("v", "connection refused")))[1]
    time.now += MEMORY_SECONDS
    assert tried(patience, time, error)[1]


def test_a_success_gives_patience_back():
    patience, time = patient()
    error = ApiError(503, "", "x")
    assert tried(patience, time, error)[1]
    assert not tried(patience, time, error)[1]
    patience.succeeded(PATH)
    assert tried(patience, time, error)[1]


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("dial tcp 127.0.0.1:1: connect: connection refused", "nothing answers there: look at the pods"),
        ("x509: certificate has expired or is not yet valid", "its certificate isn't valid yet"),
    ],
)
def test_a_webhook_that_stays_away_comes_with_a_hint(reason, hint):
    final, _pauses = tried(*patient(), ApiError(500, "InternalError", WEBHOOK % ("w", reason)))
    assert hint in final.message


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ApiError(0, "Unreachable", "reset"), False),
        (ApiError(0, "Unreachable", "refused", {"sent": False}), True),
        (ApiError(503, "", "x"), False),
        (ApiError(429, "", "x"), True),
        (ApiError(500, "InternalError", WEBHOOK % ("w", "x")), True),
    ],
)
def test_a_post_is_repeated_only_if_nothing_happened(error, again):
    assert bool(tried(*patient(), error, "POST")[1]) is again


def test_a_question_is_asked_again():
    patience, time = patient()
    assert tried(patience, time, ApiError(503, "", "x"), "POST", path="/apis/authorization.k8s.io/v1/x")[1]


def test_a_race_is_run_again_only_by_who_insists_on_no_version():
    stale = ApiError(409, "Conflict", "the object has been modified")
    assert not tried(*patient(), stale)[1]
    assert tried(*patient(), stale, unversioned=True)[1]
