# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a task's options to places, scenes and results."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._ask import Question
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._result import Check
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import ConnectionProblem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof import Pace
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof_task import (
    ALERT_PROOF_ARGSPEC,
    place,
    run_alert_proof,
    run_check,
    scene,
    server,
)
from fake_pods import FakeClock, FakePods

SITE = {"namespace": "n", "service": "s", "port": "web"}
PROOF = {
    "alertname": "HighErrorRate",
    "labels": {"replica": 1},
    "prometheus": SITE,
    "alertmanager": SITE,
    "receiver": {**SITE, "path": "/received"},
    "workload": {**SITE, "path": "/settings"},
    "trouble": {"error_rate": 0.5},
    "calm": {"error_rate": 0},
    "timeout": 6,
}
SERVER = {
    "namespace": "monitoring",
    "name": "main",
    "label_selector": None,
    "port": "web",
    "path_prefix": "/am/",
    "replicas": 2,
    "timeout": 0,
    "interval": 1,
}


def validated(**changes):
    result = ArgumentSpecValidator(ALERT_PROOF_ARGSPEC).validate(json.loads(json.dumps({**PROOF, **changes})))
    return result.validated_parameters, result.error_messages


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"port": "80", "pod": "p"}, Place("n", 80, pod="p")),
        ({"port": "web", "service": "s", "pod": None}, Place("n", "web", service="s")),
        ({"port": 9, "label_selector": "a=b"}, Place("n", 9, label_selector="a=b")),
    ],
)
def test_a_place(options, expected):
    assert place({"namespace": "n", **options}) == expected


def test_a_server_by_the_operators_labels_or_by_a_selector():
    found = server(SERVER, "alertmanager")
    assert found.place.label_selector == "app.kubernetes.io/name=alertmanager,app.kubernetes.io/instance=main"
    assert (found.prefix, found.replicas) == ("/am", 2)
    assert server({**SERVER, "label_selector": "app=mine"}, "x").place.label_selector == "app=mine"


def test_a_scene_with_labels_as_text():
    options, errors = validated()
    assert not errors
    made = scene(options)
    assert made.labels == {"replica": "1"}
    assert made.receiver.path == "/received"
    assert made.deliveries({"deliveries": [1]}) == [1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"receiver": SITE}, "path"),
        ({"workload": {**SITE, "path": "/x", "pod": "p"}}, "mutually exclusive"),
        ({"prometheus": {"namespace": "n", "port": "web"}}, "one of the following"),
        ({"timeout": "soon"}, "timeout"),
    ],
)
def test_wrong_options_are_refused(changes, said):
    _options, errors = validated(**changes)
    assert said in " ".join(errors)


def test_a_bad_expression_is_refused_before_anything_is_asked():
    options, _errors = validated(deliveries="a[")
    pods = FakePods()
    with pytest.raises(ValueError, match="deliveries is not valid JMESPath"):
        run_alert_proof(options, pods, print)
    assert pods.asked == []


def proof(workload):
    """Run a proof against one pod that plays every part: the alert follows the error rate at once."""
    options, _errors = validated(labels={})
    state = {"error_rate": 0, "deliveries": []}

    def answer(request):
        if request.path == "/settings":
            return workload(request, state)
        alert = {"labels": {"alertname": "HighErrorRate"}, "state": "firing", "status": "firing"}
        if request.path == "/received":
            if state["error_rate"]:
                state["deliveries"] = [{"alerts": [alert]}]
            elif state["deliveries"]:
                state["deliveries"] = [*state["deliveries"], {"alerts": [{**alert, "status": "resolved"}]}]
            return state
        alerts = [alert] if state["error_rate"] else []
        return alerts if "v2" in request.path else {"status": "success", "data": {"alerts": alerts}}

    clock = FakeClock()
    return run_alert_proof(
        options,
        FakePods(a=answer),
        lambda _line: None,
        lambda **limits: Pace(**limits, clock=clock, sleep=clock.sleep),
    )


def test_a_proof_that_holds():
    def obey(request, state):
        state.update(json.loads(request.body))
        return {}

    result = proof(obey)
    assert (result["changed"], result["failed"], result["ok"], result["restored"]) == (False, False, True, True)
    assert [hop["name"] for hop in result["hops"]] == [
        "pending",
        "firing",
        "alertmanager",
        "delivered",
        "inactive",
        "resolved",
    ]
    assert "msg" not in result


def test_a_proof_that_does_not():
    result = proof(lambda _request, _state: {})
    assert (result["failed"], result["missing"], result["restored"]) == (True, "pending", True)
    assert result["msg"].startswith("HighErrorRate was not pending in Prometheus within 6 s")


class Ended(Exception):
    pass


class Module:
    def __init__(self, **params):
        self.params = {**SERVER, **params}

    def exit_json(self, **result):
        raise Ended({"failed": False, **result})

    def fail_json(self, **result):
        raise Ended({"failed": True, **result})


def check(answer, **params):
    def questions(client):
        assert client == "client"
        return [Question("n", "/n", lambda r: [Check("n", r.json() == 1, "n")])]

    pods = FakePods(a=answer, b=answer)
    pods.client = "client"
    with pytest.raises(Ended) as ended:
        run_check(Module(**params), "alertmanager", questions, lambda _params: pods)
    return ended.value.args[0]


def test_a_check_that_holds():
    result = check(lambda _request: 1)
    assert (result["failed"], result["changed"], result["pods"], result["attempts"]) == (False, False, ["a", "b"], 1)
    assert result["checks"][1] == {"name": "n", "ok": True, "detail": "n", "seconds": 0.0}


def test_a_check_that_does_not():
    result = check(lambda _request: 0)
    assert (result["failed"], result["msg"]) == (True, "alertmanager: n (n)")
    assert len(result["checks"]) == 2


def test_no_way_to_the_cluster():
    def no_way(_params):
        raise ConnectionProblem("kubeconfig /x: no such file.")

    with pytest.raises(Ended) as ended:
        run_check(Module(), "alertmanager", lambda _client: [], no_way)
    assert ended.value.args[0]["msg"] == "kubeconfig /x: no such file."
