# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single alerts are turned off and changed by name, and nothing else is touched."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _alerts

A = {"alert": "A", "expr": "a > 1", "for": "5m", "labels": {"severity": "warning"}}
B = {"alert": "B", "expr": "b > 1", "labels": {"severity": "critical"}}
R = {"record": "r", "expr": "sum(a)"}


def rule_object(*groups):
    named = [{"name": f"g{number}", "rules": list(rules)} for number, rules in enumerate(groups)]
    return {"kind": "PrometheusRule", "metadata": {"name": "x"}, "spec": {"groups": named}}


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({}, [A]),
        ({"enabled": True}, [A]),
        ({"enabled": False}, []),
        ({"for": "1h30m"}, [{**A, "for": "1h30m"}]),
        ({"severity": "info"}, [{**A, "labels": {"severity": "info"}}]),
        ({"labels": {"owner": "me"}}, [{**A, "labels": {"severity": "warning", "owner": "me"}}]),
    ],
)
def test_a_wish_changes_its_alert(wish, expected):
    assert _alerts.tuned(A, {"A": wish, "B": {"enabled": False}}) == expected


def test_other_rules_stay():
    assert _alerts.tuned(R, {"A": {"enabled": False}, "r": {"enabled": False}}) == [R]
    assert _alerts.tuned(B, {"A": {"for": "1m"}}) == [B]


def test_a_group_that_lost_its_rules_goes_and_the_input_is_left_alone():
    body = rule_object([A], [R, B])
    found = _alerts.tuned_object(body, {"A": {"enabled": False}, "B": {"for": "2m"}})
    assert found == {**body, "spec": {"groups": [{"name": "g1", "rules": [R, {**B, "for": "2m"}]}]}}
    assert body == rule_object([A], [R, B])


def test_another_kind_is_not_looked_into():
    body = {"kind": "ConfigMap", "spec": {"groups": [{"name": "g", "rules": [A]}]}}
    assert _alerts.tuned_object(body, {"A": {"enabled": False}}) is body


@pytest.mark.parametrize("value", ["5m", "30s", "1h30m", "2d"])
def test_durations_are_those_of_prometheus(value):
    _alerts.check({"A": {"for": value}})


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"enable": False}, "'enable'"),
        ({"enabled": "no"}, "enabled"),
        ({"for": 300}, "for"),
        ({"for": "5 minutes"}, "for"),
        ({"for": ""}, "for"),
        ({"severity": "page"}, "severity"),
        ({"labels": ["a"]}, "labels"),
        ({"labels": {"a": 1}}, "labels"),
        (False, "expected keys"),
    ],
)
def test_a_wish_that_cannot_be_granted_is_named(wish, named):
    with pytest.raises(_alerts.TuningError, match="A: ") as caught:
        _alerts.check({"A": wish})
    assert named in str(caught.value)
