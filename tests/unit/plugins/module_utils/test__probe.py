# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a probe is done, when it asks again, and when it must not."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request, Response
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place, Unreachable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._probe import (
    Probe,
    compile_select,
    compile_until,
    encode_body,
    looks_secret,
    run,
)
from fake_pods import FakeClock, FakePods

PLACE = Place("models", 80, service="s")


def probe(answers, request=None, **more):
    """Run a probe against a pod that gives these answers one after the other, the last one for ever."""
    clock, left = FakeClock(), list(answers)
    pods = FakePods(a=lambda _request: left.pop(0) if len(left) > 1 else left[0])
    options = {"timeout": 10.0, "interval": 3.0, **more}
    outcome = run(Probe(PLACE, request or Request(), **options), pods, clock=clock, sleep=clock.sleep)
    return outcome, clock.now


def test_a_good_answer_at_once():
    outcome, waited = probe([Response(200, b"ok")])
    assert (outcome.matched, outcome.response.text, outcome.attempts, waited) == (True, "ok", 1, 0)


def test_asks_until_the_expression_holds():
    outcome, waited = probe([{"n": 0}, {"n": 0}, {"n": 5}], until="json.n > `1`")
    assert (outcome.matched, outcome.attempts, waited) == (True, 3, 6.0)


def test_the_last_reason_when_time_is_over_and_not_a_second_longer():
    outcome, waited = probe([{"n": 0}], until="json.n > `1`")
    assert (outcome.matched, outcome.attempts, waited) == (False, 5, 10.0)
    assert outcome.reason == "until gave false"


def test_no_timeout_means_once():
    outcome, waited = probe([Response(503)], timeout=0.0)
    assert (outcome.attempts, waited) == (1, 0)
    assert outcome.reason == "HTTP 503, expected 200"


def test_several_codes_may_be_good():
    assert probe([Response(204)], status_code=(200, 204))[0].matched


def test_a_pod_that_comes_back_is_waited_for():
    outcome, _waited = probe([Unreachable("gone"), Response(200)])
    assert (outcome.matched, outcome.attempts) == (True, 2)


def test_what_is_hopeless_ends_at_once():
    outcome, waited = probe([Unreachable("forbidden", fatal=True)])
    assert (outcome.matched, outcome.reason, outcome.response, waited) == (False, "forbidden", None, 0)


@pytest.mark.parametrize("answer", [Response(500), Unreachable("no answer within 10 s", sent=True)])
def test_a_write_that_may_have_arrived_is_not_sent_again(answer):
    outcome, _waited = probe([answer, Response(200)], Request("POST"))
    assert (outcome.matched, outcome.attempts) == (False, 1)


def test_a_write_that_did_not_leave_is_sent_again():
    outcome, _waited = probe([Unreachable("no pod is ready"), Response(200)], Request("POST"))
    assert (outcome.matched, outcome.attempts) == (True, 2)


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("", True),
        ("status == `200`", True),
        ("contains(text, 'series')", True),
        ("json.series[0]", True),
        ("json.nothing", False),
        ("json.none", False),
    ],
)
def test_what_an_expression_sees(expression, holds):
    response = Response(200, b'{"series": ["a"], "none": []}')
    assert compile_until(expression)(response)[0] is holds


def test_an_expression_that_fails_on_an_answer_is_not_true():
    holds, why = compile_until("contains(json.n, 'a')")(Response(200, b'{"n": 5}'))
    assert not holds
    assert why.startswith("until could not be evaluated")


@pytest.mark.parametrize("option", ["until", "deliveries"])
def test_a_malformed_expression_names_its_option(option):
    with pytest.raises(ValueError, match=option + " is not valid JMESPath"):
        compile_select("a[", option)
    with pytest.raises(ValueError, match="until is not valid"):
        compile_until("a[")


@pytest.mark.parametrize(
    ("body", "body_format", "sent", "kind"),
    [
        (None, "json", None, None),
        ({"a": 1}, "json", b'{"a": 1}', "application/json"),
        ('{"a": 1}', "json", b'{"a": 1}', "application/json"),
        ("a=1", "form", b"a=1", "application/x-www-form-urlencoded"),
        ("a b", "raw", b"a b", "text/plain"),
    ],
)
def test_how_a_body_is_written(body, body_format, sent, kind):
    assert encode_body(body, body_format) == (sent, {} if kind is None else {"Content-Type": kind})


def test_a_body_that_doesnt_fit_its_format():
    with pytest.raises(ValueError, match="body_format is form"):
        encode_body({"a": 1}, "form")


@pytest.mark.parametrize(
    ("header", "secret"),
    [("Authorization", True), ("X-Auth-Token", True), ("Cookie", True), ("Accept", False), ("X-Scope-OrgID", False)],
)
def test_which_headers_carry_credentials(header, secret):
    assert looks_secret(header) is secret
