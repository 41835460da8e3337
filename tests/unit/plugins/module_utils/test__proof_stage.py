# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole alerting chain in a dictionary: what each station shows and when it counts."""

from __future__ import annotations

import json

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Response
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place, Unreachable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof_stage import AlertStage, Scene, Site
from fake_pods import FakePods

MISTRAL = {"alertname": "HighErrorRate", "namespace": "models", "model": "mistral"}
LLAMA = {"alertname": "HighErrorRate", "namespace": "models", "model": "llama"}
ELSEWHERE = {"alertname": "HighErrorRate", "namespace": "other"}


class Chain:
    """Two replicas of Prometheus and of Alertmanager, a receiver and a workload of two pods."""

    def __init__(self):
        self.alerts = {"prometheus-0": [], "prometheus-1": []}
        self.active = {"alertmanager-0": [], "alertmanager-1": []}
        self.deliveries = []
        self.settings = {}
        self.status = 200
        self.transport = FakePods(
            prometheus_0=lambda _r: {"status": "success", "data": {"alerts": self.alerts["prometheus-0"]}},
            prometheus_1=lambda _r: {"status": "success", "data": {"alerts": self.alerts["prometheus-1"]}},
            alertmanager_0=lambda _r: self.active["alertmanager-0"],
            alertmanager_1=lambda _r: self.active["alertmanager-1"],
            receiver_0=lambda _r: {"deliveries": self.deliveries},
            load_0=lambda r: self.set("load-0", r),
            load_1=lambda r: self.set("load-1", r),
        )
        self.transport.places = {
            kind: [name for name in self.transport.answers if name.startswith(kind)]
            for kind in ("prometheus", "alertmanager", "receiver", "load")
        }
        self.stage = AlertStage(
            Scene(
                alertname="HighErrorRate",
                labels={"namespace": "models"},
                prometheus=Site(Place("monitoring", "web", service="prometheus"), "/p"),
                alertmanager=Site(Place("monitoring", "web", service="alertmanager")),
                receiver=Site(Place("models", "http", service="receiver"), "/received"),
                workload=Site(Place("models", "http", service="load"), "/settings"),
                trouble={"error_rate": 0.5},
                calm={"error_rate": 0.0},
            ),
            self.transport,
        )

    def set(self, pod, request):
        self.settings[pod] = (request.method, json.loads(request.body))
        return Response(self.status, b"because")

    def deliver(self, status, *labels):
        self.deliveries.append(
            {"at": len(self.deliveries), "alerts": [{"status": status, "labels": each} for each in labels]}
        )

    def look(self, phase, name):
        hop = next(hop for hop in getattr(self.stage, phase)() if hop.name == name)
        assert hop.hint
        return hop.look()


@pytest.fixture
def chain():
    return Chain()


def firing(labels, state="firing"):
    return {"labels": labels, "state": state, "activeAt": "2026-11-23T05:00:00Z"}


def test_every_pod_of_the_workload_gets_the_settings(chain):
    chain.stage.trouble()
    assert chain.settings == dict.fromkeys(("load-0", "load-1"), ("PUT", {"error_rate": 0.5}))
    chain.stage.calm()
    assert chain.settings["load-1"] == ("PUT", {"error_rate": 0.0})


def test_settings_that_are_refused_are_told(chain):
    chain.status = 400
    with pytest.raises(Unreachable, match="PUT /settings on pod models/load-0 port 80 answered HTTP 400: because"):
        chain.stage.calm()


def test_quiet_means_nowhere(chain):
    assert chain.look("quiet", "quiet").there
    chain.alerts["prometheus-1"] = [firing(LLAMA, "pending")]
    chain.active["alertmanager-0"] = [{"labels": LLAMA}]
    seen = chain.look("quiet", "quiet")
    assert (seen.there, seen.detail) == (False, "active on prometheus-1, alertmanager-0")


def test_one_replica_is_enough_on_the_way_up(chain):
    assert not chain.look("rising", "pending").there
    chain.alerts["prometheus-1"] = [firing(LLAMA, "pending"), firing(MISTRAL, "pending")]
    seen = chain.look("rising", "pending")
    assert (seen.there, seen.detail) == (True, "2 on prometheus-1, active since 2026-11-23T05:00:00Z")
    assert not chain.look("rising", "firing").there
    chain.alerts["prometheus-0"] = [firing(LLAMA)]
    assert chain.look("rising", "firing").there
    assert chain.transport.asked[-1] == ("prometheus-1", "GET", "/p/api/v1/alerts")


def test_an_alert_that_fired_at_once_was_pending_too(chain):
    chain.alerts["prometheus-0"] = [firing(LLAMA)]
    assert chain.look("rising", "pending").there


def test_an_alert_with_other_labels_is_another_alert(chain):
    chain.alerts["prometheus-0"] = [firing(ELSEWHERE)]
    chain.active["alertmanager-0"] = [{"labels": ELSEWHERE}]
    chain.deliver("firing", ELSEWHERE)
    for name in ("pending", "firing", "alertmanager", "delivered"):
        assert not chain.look("rising", name).there, name


def test_alertmanager(chain):
    assert chain.look("rising", "alertmanager").detail == "no replica of Alertmanager has it"
    chain.active["alertmanager-1"] = [{"labels": LLAMA}]
    seen = chain.look("rising", "alertmanager")
    assert (seen.there, seen.detail) == (True, "1 on alertmanager-1")


def test_only_deliveries_after_the_start_count(chain):
    chain.deliver("firing", LLAMA)
    seen = chain.look("quiet", "receiver")
    assert (seen.there, seen.detail) == (True, "1 earlier deliveries don't count")
    assert not chain.look("rising", "delivered").there
    chain.deliver("resolved", LLAMA)
    assert not chain.look("rising", "delivered").there
    chain.deliver("firing", LLAMA, MISTRAL)
    seen = chain.look("rising", "delivered")
    assert (seen.there, seen.detail) == (True, "2 alerts")


def test_no_longer_firing_means_on_no_replica(chain):
    chain.alerts["prometheus-1"] = [firing(LLAMA)]
    seen = chain.look("falling", "inactive")
    assert (seen.there, seen.detail) == (False, "firing on prometheus-1")
    chain.alerts["prometheus-1"] = [firing(LLAMA, "pending")]
    assert chain.look("falling", "inactive").there


def test_every_alert_that_was_delivered_must_be_resolved(chain):
    chain.deliver("firing", LLAMA)
    assert chain.look("rising", "delivered").there
    chain.deliver("firing", MISTRAL)
    chain.deliver("resolved", LLAMA)
    seen = chain.look("falling", "resolved")
    assert (seen.there, seen.detail) == (False, "1 of 2 alerts")
    chain.deliver("resolved", MISTRAL)
    assert chain.look("falling", "resolved").there


@pytest.mark.parametrize("answer", [None, {}, {"deliveries": "many"}])
def test_a_receiver_that_speaks_otherwise_is_named(chain, answer):
    chain.transport.answers["receiver-0"] = lambda _r: answer
    with pytest.raises(Unreachable, match="answer to /received has no list of deliveries"):
        chain.look("quiet", "receiver")


def test_a_replica_that_doesnt_answer_proves_nothing(chain):
    chain.transport.answers["prometheus-1"] = lambda _r: Unreachable("gone")
    with pytest.raises(Unreachable, match="gone"):
        chain.look("falling", "inactive")
