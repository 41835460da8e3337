# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes that are quicker than the replicas that serve them."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._peer_timeout import errors, seconds
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest


def alertmanager(**spec):
    return Manifest(body={"apiVersion": "a/v1", "kind": "Alertmanager", "metadata": {"name": "main"}, "spec": spec})


def config(interval, **more):
    return {"route": {"receiver": "slack", "group_interval": interval, **more}}


@pytest.mark.parametrize(
    ("spec", "interval", "wrong"),
    [
        ({"replicas": 2}, "5m", False),
        ({"replicas": 2}, "16s", False),
        ({"replicas": 2}, "15s", True),
        ({"replicas": 3}, "30s", True),
        ({"replicas": 1}, "1s", False),
        ({}, "1s", False),
        ({"replicas": 2, "clusterPeerTimeout": "1s"}, "5s", False),
        ({"replicas": 2, "clusterPeerTimeout": "10m"}, None, True),
    ],
)
def test_the_last_replica_is_compared_with_the_group_interval(spec, interval, wrong):
    assert bool(errors([alertmanager(**spec)], [config(interval)])) is wrong


def test_what_is_no_duration_is_left_to_others():
    assert errors([alertmanager(replicas=2, clusterPeerTimeout="soon")], [config("never")]) == []


def test_each_route_that_sets_an_interval_is_named_with_what_to_do():
    routes = [
        {"receiver": "pager", "matchers": ['severity="critical"']},
        {"receiver": "slow", "group_interval": "1h"},
        {"receiver": "fast", "group_interval": "10s"},
    ]
    found = errors([alertmanager(replicas=3)], [config("30s", routes=routes)])
    assert [error.partition(" has ")[0] for error in found] == ["the route to slack", "the route to fast"]
    assert "up to 30 s late" in found[0]
    assert "alertmanager_group_interval" in found[0]


def test_the_route_of_the_watchdog_may_be_quick():
    routes = [{"receiver": "heartbeat", "matchers": ['alertname="Watchdog"'], "group_interval": "15s"}]
    assert errors([alertmanager(replicas=2)], [config("5m", routes=routes)]) == []


@pytest.mark.parametrize(
    ("text", "expected"), [("1h30m", 5400), ("2d", 172800), ("15s", 15), ("soon", None), ("500ms", None)]
)
def test_durations(text, expected):
    assert seconds(text) == expected
