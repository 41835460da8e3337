# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions over Prometheus' answers, on recordings from the lab and what can go wrong with them."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks import _prometheus
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._prometheus import Job

RECORDED = Path(__file__).parents[3] / "fixtures" / "checks" / "answers.json"


@pytest.fixture
def recorded():
    return copy.deepcopy(json.loads(RECORDED.read_text())["answers"])


def by_name(checks):
    return {check.name: check for check in checks}


def test_all_targets_up(recorded):
    checks = by_name(_prometheus.targets(recorded["targets"], [Job("prometheus", 2), Job("model-server")]))
    assert {name: (check.ok, check.detail) for name, check in checks.items()} == {
        "targets of job prometheus": (True, "2 up"),
        "targets of job model-server": (True, "1 up"),
        "other targets": (True, "1 up"),
    }


def test_a_job_without_targets_shows_what_there_is(recorded):
    check = _prometheus.targets(recorded["targets"], [Job("node-exporter")])[0]
    assert not check.ok
    assert check.detail == "no target; jobs that have some: kubelet, model-server, prometheus"


def test_too_few_targets(recorded):
    check = _prometheus.targets(recorded["targets"], [Job("prometheus", 3)])[0]
    assert (check.ok, check.detail) == (False, "2 up, 3 expected")


@pytest.mark.parametrize(
    ("health", "error", "said"),
    [("down", "connection refused", "is down: connection refused"), ("unknown", "", "is unknown: not scraped yet")],
)
def test_one_target_down_is_named_with_its_error(recorded, health, error, said):
    target = recorded["targets"]["data"]["activeTargets"][1]
    target.update(health=health, lastError=error)
    named = by_name(_prometheus.targets(recorded["targets"], [Job("model-server")]))["targets of job model-server"]
    assert not named.ok
    assert target["scrapeUrl"] in named.detail
    assert said in named.detail
    other = by_name(_prometheus.targets(recorded["targets"], []))["other targets"]
    assert not other.ok
    assert said in other.detail


def test_a_job_may_be_allowed_to_be_down(recorded):
    recorded["targets"]["data"]["activeTargets"][1]["health"] = "down"
    assert _prometheus.targets(recorded["targets"], [], ["model-server"])[-1].ok


def test_only_what_is_named_counts_if_told_so(recorded):
    recorded["targets"]["data"]["activeTargets"][1]["health"] = "down"
    checks = _prometheus.targets(recorded["targets"], [Job("prometheus")], only_named=True)
    assert [(check.name, check.ok) for check in checks] == [("targets of job prometheus", True)]


def wanted_of(recorded):
    return [(group["name"], rule["name"]) for group in recorded["rules"]["data"]["groups"] for rule in group["rules"]]


def test_every_rule_loaded_and_well(recorded):
    wanted = wanted_of(recorded)
    loaded, evaluate = _prometheus.rules(recorded["rules"], wanted, ["HighErrorRate"])
    assert (loaded.ok, loaded.detail) == (True, f"{len(wanted) + 1} of {len(wanted) + 1}")
    assert (evaluate.ok, evaluate.detail) == (True, f"{len(wanted)} without error")


def test_a_rule_that_is_not_loaded_is_named_with_its_group(recorded):
    loaded, _evaluate = _prometheus.rules(recorded["rules"], [("gpu.rules", "HighErrorRate")], ["NoSuchAlert"])
    assert not loaded.ok
    assert loaded.detail == "missing: HighErrorRate of group gpu.rules, alert NoSuchAlert"


def test_a_recording_rule_is_no_alert(recorded):
    record = next(
        rule["name"] for rule in recorded["rules"]["data"]["groups"][0]["rules"] if rule["type"] == "recording"
    )
    assert not _prometheus.rules(recorded["rules"], [], [record])[0].ok


@pytest.mark.parametrize(
    ("health", "error", "said"),
    [("err", "many-to-many matching not allowed", "many-to-many"), ("unknown", None, "not evaluated yet")],
)
def test_a_rule_that_fails_is_named_with_its_error(recorded, health, error, said):
    rule = recorded["rules"]["data"]["groups"][0]["rules"][0]
    rule.update(health=health, lastError=error)
    _loaded, evaluate = _prometheus.rules(recorded["rules"], [])
    assert not evaluate.ok
    assert rule["name"] in evaluate.detail
    assert said in evaluate.detail
    other = [pair for pair in wanted_of(recorded) if pair[1] != rule["name"]]
    assert _prometheus.rules(recorded["rules"], other, only_named=True)[1].ok


def test_alertmanagers(recorded):
    assert _prometheus.alertmanagers(recorded["alertmanagers"], 2).ok
    check = _prometheus.alertmanagers(recorded["alertmanagers"], 3)
    assert (check.ok, check.detail) == (False, "2 of 3")


def test_the_last_reload(recorded):
    assert _prometheus.reload(recorded["runtimeinfo"]).ok
    recorded["runtimeinfo"]["data"]["reloadConfigSuccess"] = False
    check = _prometheus.reload(recorded["runtimeinfo"])
    assert not check.ok
    assert check.detail.startswith("failed; last good one 20")


def test_the_version(recorded):
    assert _prometheus.version(recorded["buildinfo"], "3.14.0").ok
    assert _prometheus.version(recorded["buildinfo"]).ok
    check = _prometheus.version(recorded["buildinfo"], "3.13.5")
    assert (check.ok, check.detail) == (False, "3.14.0, expected 3.13.5")


def test_series(recorded):
    assert _prometheus.series(recorded["query"], "requests").ok
    check = _prometheus.series(recorded["query_empty"], "requests")
    assert (check.name, check.ok, check.detail) == ("series requests", False, "no data")


def test_prometheus_own_error_is_told(recorded):
    with pytest.raises(ValueError, match="parse error"):
        _prometheus.series(recorded["query_error"], "x")
    with pytest.raises(ValueError, match="not Prometheus API JSON"):
        _prometheus.series(None, "x")
    with pytest.raises(ValueError, match="no status success"):
        _prometheus.series({}, "x")


def test_an_answer_without_data_is_empty():
    assert not _prometheus.series({"status": "success", "data": []}, "x").ok


def test_alerts_by_name_and_labels(recorded):
    found = _prometheus.alerts_matching(recorded["alerts"], "Watchdog", {})
    assert len(found) == 1
    assert _prometheus.alerts_matching(recorded["alerts"], "Watchdog", {"severity": "none"}) == found
    assert _prometheus.alerts_matching(recorded["alerts"], "Watchdog", {"severity": "critical"}) == []
    assert _prometheus.alerts_matching(recorded["alerts"], "Other", {}) == []
