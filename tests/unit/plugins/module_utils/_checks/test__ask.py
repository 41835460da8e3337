# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every replica is asked the same, again and again, until all answers are good."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks import _questions
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._ask import (
    Question,
    Server,
    ask_until_good,
    judged,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._prometheus import Job
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._questions import (
    AlertmanagerExpectations,
    PrometheusExpectations,
    of_alertmanager,
    of_prometheus,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._result import (
    Check,
    failures,
    merge,
    shortened,
    timed,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._rule_objects import read, rules_of
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Response
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place, Unreachable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from fake_pods import FakeClock, FakePods

PLACE = Place("monitoring", "web", label_selector="app=x")
N = Question("n", "/n", lambda r: [Check("n", r.json()["n"] > 0, "n is %d" % r.json()["n"])])


def ask(pods, *questions, replicas=1, timeout=10.0):
    clock = FakeClock()
    pods.clock = clock
    report = ask_until_good(
        pods,
        Server(PLACE, replicas, "/prefix"),
        lambda: questions,
        timeout=timeout,
        interval=2.0,
        clock=clock,
        sleep=clock.sleep,
    )
    return report, clock.now


def shown(report):
    return {check.name: (check.ok, check.detail) for check in report.checks}


def test_all_good_at_once():
    pods = FakePods(a=lambda _r: {"n": 1}, b=lambda _r: {"n": 1})
    report, waited = ask(pods, N, replicas=2)
    assert report.ok
    assert (report.pods, report.attempts, waited) == (["a", "b"], 1, 0)
    assert shown(report) == {"replicas": (True, "2 of 2 ready"), "n": (True, "n is 1")}
    assert pods.asked[0] == ("a", "GET", "/prefix/n")


def test_one_replica_that_lags_behind_is_named_and_waited_for():
    answers = iter([{"n": 0}, {"n": 0}, {"n": 3}])
    report, waited = ask(FakePods(a=lambda _r: {"n": 3}, b=lambda _r: next(answers)), N)
    assert report.ok
    assert waited == 4.0
    assert {check.name: check.seconds for check in report.checks} == {"replicas": 0.0, "n": 4.0}
    late, _waited = ask(FakePods(a=lambda _r: {"n": 3}, b=lambda _r: {"n": 0}), N)
    assert shown(late)["n"] == (False, "b: n is 0")


def test_the_last_answers_stand_when_time_is_over():
    report, waited = ask(FakePods(a=lambda _r: {"n": 0}), N, timeout=5.0)
    assert not report.ok
    assert waited == 5.0
    assert failures(report.checks) == "n (n is 0)"


def test_a_missing_replica_is_a_failing_check():
    report, _waited = ask(FakePods(a=lambda _r: {"n": 1}), N, replicas=2, timeout=0.0)
    assert shown(report)["replicas"] == (False, "1 of 2 ready")


def test_no_pod_is_a_failing_check_and_is_waited_for():
    pods = FakePods(a=lambda _r: {"n": 1})
    pods.missing = Unreachable("pods app=x in monitoring: no such pod")
    report, waited = ask(pods, N)
    assert shown(report) == {"replicas": (False, "pods app=x in monitoring: no such pod")}
    assert waited == 10.0


@pytest.mark.parametrize("where", ["pods", "ask"])
def test_what_is_forbidden_is_not_tried_again(where):
    no = Unreachable("forbidden", fatal=True)
    pods = FakePods(a=lambda _r: no)
    if where == "pods":
        pods.missing = no
    report, waited = ask(pods, N)
    assert (shown(report), waited) == ({"replicas": (False, "forbidden")}, 0)


def test_a_replica_that_doesnt_answer_fails_the_question_only():
    report, _waited = ask(FakePods(a=lambda _r: {"n": 1}, b=lambda _r: Unreachable("gone")), N, timeout=0.0)
    assert shown(report) == {"replicas": (True, "2 of 1 ready"), "n": (False, "b: gone")}


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (Response(503, b"starting up"), "HTTP 503: starting up"),
        (Response(500, b""), "HTTP 500: "),
        (Response(200, b"[]"), "list indices"),
    ],
)
def test_an_answer_that_cant_be_judged_is_a_failing_check_with_its_words(response, said):
    (check,) = judged(N, response)
    assert not check.ok
    assert check.detail.startswith(said)


def test_replicas_that_agree_are_told_once_others_by_name():
    same = {"a": [Check("x", True, "3.14.0")], "b": [Check("x", True, "3.14.0")]}
    assert merge(same) == [Check("x", True, "3.14.0")]
    differ = {"a": [Check("x", True, "1")], "b": [Check("x", True, "2")]}
    assert merge(differ)[0].detail == "a: 1; b: 2"
    all_bad = {"a": [Check("x", False, "no data")], "b": [Check("x", False, "no data")]}
    assert merge(all_bad) == [Check("x", False, "no data")]
    one_bad = {"a": [Check("x", False, "no data")], "b": [Check("x", True, "1")]}
    assert merge(one_bad) == [Check("x", False, "a: no data")]


def test_a_check_keeps_the_time_it_came_true_and_loses_it_when_it_falls():
    first = timed([Check("x", True)], {}, 1.0)
    again = timed([Check("x", True)], {"x": first[0]}, 5.0)
    assert again[0].seconds == 1.0
    fallen = timed([Check("x", False)], {"x": again[0]}, 7.0)
    assert timed([Check("x", True)], {"x": fallen[0]}, 9.0)[0].seconds == 9.0


def test_a_long_list_is_cut():
    assert shortened(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert shortened(["a", "b"], 2) == "a, b"


def test_rules_of_an_object():
    body = {"spec": {"groups": [{"name": "g", "rules": [{"alert": "A"}, {"record": "r:x"}]}, {"name": "empty"}]}}
    assert rules_of(body) == [("g", "A"), ("g", "r:x")]
    assert rules_of({}) == []


def test_a_rule_object_that_is_not_there_is_named():
    class Api:
        def get(self, path):
            if path.endswith("/there"):
                return {"spec": {"groups": [{"name": "g", "rules": [{"alert": "A"}]}]}}
            raise ApiError(404, "NotFound", "not found")

    assert read(Api(), "monitoring", ["there"]) == [("g", "A")]
    with pytest.raises(Unreachable, match="PrometheusRule monitoring/gone: not found"):
        read(Api(), "monitoring", ["there", "gone"])


def served(*paths):
    return lambda r: Response(200, b"ok") if r.path.split("?")[0].endswith(paths) else Response(404, b"not found")


def test_what_a_prometheus_is_asked():
    everything = PrometheusExpectations(jobs=[Job("a")], alertmanagers=2, series={"b": "up", "a": "x{y='z'}"})
    paths = [question.path for question in of_prometheus(everything)]
    assert paths == [
        "/-/ready",
        "/api/v1/status/buildinfo",
        "/api/v1/status/runtimeinfo",
        "/api/v1/targets?state=active",
        "/api/v1/rules",
        "/api/v1/alertmanagers",
        "/api/v1/query?query=x%7By%3D%27z%27%7D",
        "/api/v1/query?query=up",
    ]
    named = PrometheusExpectations(only_named=True)
    assert [question.name for question in of_prometheus(named)] == ["targets", "rules"]


def test_every_question_fails_where_nothing_answers_right():
    everything = PrometheusExpectations(jobs=[Job("a")], alertmanagers=2, series={"b": "up"})
    for question in of_prometheus(everything) + of_alertmanager(AlertmanagerExpectations(2)):
        checks = judged(question, Response(404, b"not found"))
        assert not all(check.ok for check in checks), question.name


def test_what_an_alertmanager_is_asked():
    names = [question.name for question in of_alertmanager(AlertmanagerExpectations(2, ["x"]))]
    assert names == ["ready", "cluster", "receivers", "alert Watchdog"]
    assert len(of_alertmanager(AlertmanagerExpectations(heartbeat=""))) == 3


def test_readiness():
    assert _questions.ready(Response(200))[0].ok
    assert _questions.ready(Response(503, b"Service Unavailable"))[0].detail == "HTTP 503: Service Unavailable"
