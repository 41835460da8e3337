# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The receiver keeps what Alertmanager sends, and not more than it should."""

from __future__ import annotations

import json

import pytest
from labhttp import answer
from webhook_receiver import KEPT_ALERTS, KEPT_PER_ALERT, Receiver


@pytest.fixture
def receiver():
    ticks = iter(range(10**6))
    return Receiver(clock=lambda: float(next(ticks)))


def payload(*names, status="firing", receiver="slack"):
    return {"receiver": receiver, "status": status, "alerts": [{"labels": {"alertname": name}} for name in names]}


def post(receiver, body):
    return answer(receiver.routes(), "POST", "/alerts", json.dumps(body).encode())


def received(receiver, query=""):
    return answer(receiver.routes(), "GET", f"/received{query}", b"").body["deliveries"]


def test_a_delivery_is_kept_with_its_time_receiver_status_and_alerts(receiver):
    assert post(receiver, payload("A", status="resolved")).status == 200
    assert received(receiver) == [
        {"at": 0.0, "receiver": "slack", "status": "resolved", "alerts": [{"labels": {"alertname": "A"}}]}
    ]


def test_deliveries_are_found_by_alert_name_oldest_first(receiver):
    for body in (payload("A"), payload("B"), payload("A", status="resolved")):
        post(receiver, body)
    assert [item["status"] for item in received(receiver, "?alertname=A")] == ["firing", "resolved"]
    assert received(receiver, "?alertname=C") == []


def test_a_group_is_one_delivery_found_by_each_of_its_names(receiver):
    post(receiver, payload("A", "B"))
    assert len(received(receiver)) == 1
    assert received(receiver, "?alertname=A") == received(receiver, "?alertname=B") == received(receiver)


def test_a_heartbeat_does_not_push_out_another_alert(receiver):
    post(receiver, payload("HighErrorRate"))
    for _ in range(KEPT_PER_ALERT * 3):
        post(receiver, payload("Watchdog"))
    assert len(received(receiver, "?alertname=HighErrorRate")) == 1
    assert len(received(receiver, "?alertname=Watchdog")) == KEPT_PER_ALERT


def test_the_number_of_names_is_bounded_and_the_oldest_goes_first(receiver):
    for number in range(KEPT_ALERTS + 1):
        post(receiver, payload(f"A{number}"))
    assert received(receiver, "?alertname=A0") == []
    assert len(received(receiver)) == KEPT_ALERTS


def test_delete_forgets_all(receiver):
    post(receiver, payload("A"))
    answer(receiver.routes(), "DELETE", "/received", b"")
    assert received(receiver) == []


@pytest.mark.parametrize("body", [{}, [], {"alerts": "A"}, {"alerts": ["A"]}])
def test_what_is_no_payload_is_refused(receiver, body):
    assert post(receiver, body).status == 400
    assert received(receiver) == []
