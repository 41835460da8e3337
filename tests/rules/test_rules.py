# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every alert fires when it must and stays silent when it must: by promtool, on raw series, over the rendered rules."""

from __future__ import annotations

import json

import pytest
import yaml
from rules import promtool
from rules.rendering import ROOT, variables_of_inventory
from rules.rule_cases import (
    CASES,
    ROLES_WITH_RULES,
    alerts,
    cases,
    groups,
    needed_groups,
    promtool_test,
    rules,
    without_annotations,
)

each_role = pytest.mark.parametrize("role", ROLES_WITH_RULES)
LAB = ROOT / "inventories" / "lab" / "group_vars" / "all"


def write(folder, name, data):
    path = folder / name
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def scenarios(role):
    """The cases of a role by what promtool must load for them: variables, groups of rules; and by their interval."""
    found = {}
    for case in cases(role):
        variables = case.body.get("variables", {})
        needed = tuple(needed_groups(groups(role, variables), case.subject))
        key = json.dumps(variables, sort_keys=True), needed, case.body.get("interval", "1m")
        found.setdefault(key, []).append(case)
    return found


def all_scenarios():
    return [
        pytest.param(role, key, found, id=f"{role}-{number}")
        for role in ROLES_WITH_RULES
        for number, (key, found) in enumerate(scenarios(role).items())
    ]


@each_role
@pytest.mark.parametrize("inventory", ["defaults", "lab"])
def test_promtool_accepts_the_rules(tmp_path, role, inventory):
    variables = variables_of_inventory(*sorted(LAB.glob("*.yml"))) if inventory == "lab" else {}
    path = write(tmp_path, "rules.yml", {"groups": groups(role, variables)})
    checked = promtool.run("check", "rules", str(path))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(("role", "key", "found"), all_scenarios())
def test_alerts_fire_and_stay_silent(tmp_path, role, key, found):
    variables, needed, interval = json.loads(key[0]), *key[1:]
    own_labels = {rule["alert"]: rule["labels"] for rule in alerts(role, variables)}
    loaded = [group for group in groups(role, variables) if group["name"] in needed]
    write(tmp_path, "rules.yml", {"groups": without_annotations(loaded)})
    tests = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": interval,
        # By itself promtool takes groups in any order: an alert would read what is recorded now, or an interval ago.
        "group_eval_order": list(needed),
        "tests": [promtool_test(case, own_labels) for case in found],
    }
    tested = promtool.run("test", "rules", str(write(tmp_path, "tests.yml", tests)))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_a_wrong_expectation_is_noticed(tmp_path):
    case = next(case for case in cases("alertmanager") if case.fires)
    rule = next(rule for rule in alerts("alertmanager") if rule["alert"] == case.subject)
    write(tmp_path, "rules.yml", {"groups": without_annotations(groups("alertmanager"))})
    test = promtool_test(case, {case.subject: {**rule["labels"], "severity": "nothing"}})
    tests = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    assert promtool.run("test", "rules", str(write(tmp_path, "tests.yml", tests))).returncode != 0


@each_role
def test_every_alert_has_a_firing_and_a_silent_case(role):
    names = {rule["alert"] for rule in alerts(role)}
    firing = {case.subject for case in cases(role) if case.fires}
    # What always fires has no silent case.
    silent = {case.subject for case in cases(role) if "alert" in case.body and not case.fires} | {"Watchdog"}
    assert names - firing == set()
    assert names - silent == set()


@each_role
def test_every_alert_that_waits_has_a_case_that_is_too_early(role):
    waiting = {rule["alert"] for rule in alerts(role) if "for" in rule}
    assert waiting - {case.subject for case in cases(role) if "not_before" in case.body} == set()


@each_role
def test_every_case_is_about_a_rule_that_exists(role):
    names = {
        rule.get("alert") or rule["record"]
        for variables, _needed, _interval in scenarios(role)
        for rule in rules(role, json.loads(variables))
    }
    assert {case.subject for case in cases(role)} - names == set()


@each_role
def test_a_silent_case_has_something_to_be_silent_about(role):
    assert [
        case.name for case in cases(role) if not case.fires and "alert" in case.body and not case.body["series"]
    ] == []


def test_every_file_of_cases_belongs_to_a_role():
    assert {path.stem for path in CASES.glob("*.yml")} == set(ROLES_WITH_RULES)
