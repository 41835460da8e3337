# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change touches and disturbs."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _effects
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Change, Manifest


def item(before, after, kind="Deployment", api="apps/v1", change=Change.CONFIGURED):
    live = {"apiVersion": api, "kind": kind, "metadata": {"name": "x", "resourceVersion": "1"}, "spec": before}
    made = Item(Manifest({**live, "spec": after}), Manifest(live).id, live=live, change=change)
    made.planned = {**live, "metadata": {"name": "x", "resourceVersion": "2"}, "spec": after}
    return made


POD = {"template": {"spec": {"containers": [{"name": "a", "image": "x:1"}]}}, "replicas": 1}
OTHER = {"template": {"spec": {"containers": [{"name": "a", "image": "x:2"}]}}, "replicas": 1}
MONITORING = "monitoring.coreos.com/v1"


@pytest.mark.parametrize(
    ("before", "after", "kind", "api", "effect"),
    [
        (POD, OTHER, "Deployment", "apps/v1", "restarts its pods"),
        (POD, {**POD, "replicas": 3}, "StatefulSet", "apps/v1", "scales from 1 to 3"),
        (POD, {**POD, "paused": True}, "Deployment", "apps/v1", ""),
        ({"jobTemplate": 1}, {"jobTemplate": 2}, "CronJob", "batch/v1", "changes its next run"),
        ({"ruleSelector": {}}, {"ruleSelector": {"a": 1}}, "Prometheus", MONITORING, ""),
        ({"retention": "1d"}, {}, "Prometheus", MONITORING, "restarts its pods, as far as its operator needs it"),
        ({"replicas": 1}, {"replicas": 2}, "Alertmanager", MONITORING, "scales from 1 to 2"),
        ({"a": 1}, {"a": 2}, "Service", "v1", ""),
    ],
)
def test_effects(before, after, kind, api, effect):
    assert _effects.of(item(before, after, kind, api))["effect"] == effect


def test_fields_are_named_as_deep_as_both_sides_go_and_values_never():
    found = _effects.of(item(POD, {**OTHER, "new": "secret-value"}))
    assert found["fields"] == ["spec.new", "spec.template.spec.containers[0].image"]
    assert "secret-value" not in str(found)
    many = {f"k{number}": number for number in range(50)}
    assert len(_effects.of(item({}, many))["fields"]) == _effects.SHOWN


def test_what_only_comes_or_stays_disturbs_nothing():
    assert _effects.of(item(POD, OTHER, change=Change.UNCHANGED)) == {"fields": [], "effect": ""}
    assert _effects.of(item(POD, OTHER, change=Change.CREATED)) == {"fields": [], "effect": ""}
    assert _effects.of(item(POD, OTHER, change=Change.DELETED))["effect"] == "is deleted"


def test_what_is_deleted_and_created_again_or_not_known():
    one = item(POD, OTHER)
    one.recreate = True
    assert _effects.of(one)["effect"] == "is deleted and created again"
    two = item(POD, OTHER)
    two.planned = None
    assert _effects.of(two)["effect"] == "can't be told before it is applied"
