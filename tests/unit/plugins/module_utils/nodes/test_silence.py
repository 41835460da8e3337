# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Silences against an Alertmanager in memory."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Response
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import silence
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Unreachable
from fake_pods import FakePods

NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
NODE = {"label": "node", "value": "gpu-1", "regex": False}
HOST = {"label": "hostname", "value": "gpu-1", "regex": False}


class Alertmanager:
    """Keeps silences as its API shows them."""

    def __init__(self):
        self.silences = []
        self.now = NOON

    def __call__(self, request):
        if request.method == "GET":
            return self.silences
        if request.method == "DELETE":
            for one in self.silences:
                if request.path.endswith(one["id"]):
                    one["status"] = {"state": "expired"}
            return {}
        body = json.loads(request.body)
        self.silences = [one for one in self.silences if one["id"] != body.get("id")]
        body.setdefault("id", "s%d" % len(self.silences))
        self.silences.append({**body, "status": {"state": "active"}})
        return {"silenceID": body["id"]}

    def do(self, *matchers, check=False, **options):
        given = {"name": "gpu-1", "matchers": matchers, "minutes": 60, "namespace": "m", "service": "a", "port": "web"}
        return silence.run({**given, **options}, check, FakePods(alertmanager=self), lambda: self.now)

    @property
    def active(self):
        return [one for one in self.silences if one["status"]["state"] == "active"]


def test_each_matcher_is_a_silence_that_ends_by_itself():
    server = Alertmanager()
    assert server.do(NODE, HOST) == {"changed": True, "silences": 2}
    assert {one["endsAt"] for one in server.active} == {"2026-11-23T13:00:00.000Z"}
    assert [one["matchers"][0]["name"] for one in server.active] == ["node", "hostname"]
    assert server.do(NODE, HOST)["changed"] is False


def test_one_with_less_than_half_its_time_left_is_extended():
    server = Alertmanager()
    server.do(NODE)
    server.now += dt.timedelta(minutes=31)
    assert server.do(NODE)["changed"]
    (one,) = server.active
    assert (one["startsAt"], one["endsAt"]) == ("2026-11-23T12:00:00.000Z", "2026-11-23T13:31:00.000Z")


def test_only_those_of_the_same_name_end():
    server = Alertmanager()
    server.do(NODE)
    server.do(NODE, name="gpu-2")
    assert server.do(state="absent") == {"changed": True, "silences": 0}
    assert [one["createdBy"] for one in server.active] == ["openhands.gpu_observability: gpu-2"]
    assert server.do(state="absent")["changed"] is False
    assert server.do(NODE)["changed"], "one that has ended is made anew"


def test_check_mode_sends_nothing():
    server = Alertmanager()
    assert server.do(NODE, check=True)["changed"]
    assert server.silences == []


@pytest.mark.parametrize("answer", [Unreachable("service m/a: no pod"), Response(500, b"no quorum"), {"not": "a list"}])
def test_an_alertmanager_that_cannot_do_it_is_a_warning_unless_it_is_required(answer):
    options = {"name": "x", "matchers": [NODE], "minutes": 1, "namespace": "m", "service": "a", "port": "web"}
    pods = FakePods(alertmanager=lambda _request: answer)
    result = silence.run(options, transport=pods)
    assert result["changed"] is False
    assert "The alerts of x are not silenced" in result["warnings"][0]
    with pytest.raises(RolloutError, match="not silenced"):
        silence.run({**options, "required": True}, transport=pods)
