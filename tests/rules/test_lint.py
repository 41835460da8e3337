# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The habits of good alerts: named, explained, bounded, linked to a runbook that exists."""

from __future__ import annotations

import re

import promql_parser
import pytest
from rules import dcgm_names
from rules.promql import selectors
from rules.rendering import ROOT
from rules.rule_cases import ROLES_WITH_RULES, alerts, cases, groups, labels_read, rules

RUNBOOKS = ROOT / "docs" / "runbooks"
BASE = "https://runbooks.example.org"
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
SEVERITIES = {"critical", "warning", "info", "none"}

# Counters that aren't named like one.
OTHER_COUNTERS = {"node_vmstat_oom_kill", *(row["field"] for row in dcgm_names.table() if row["type"] == "counter")}

each_role = pytest.mark.parametrize("role", ROLES_WITH_RULES)
each_alert = pytest.mark.parametrize(
    ("role", "rule"),
    [pytest.param(role, rule, id=rule["alert"]) for role in ROLES_WITH_RULES for rule in alerts(role)],
)


@each_role
def test_groups_are_small_and_named(role):
    for group in groups(role):
        assert len(group["rules"]) <= 20
        assert re.fullmatch(r"[a-z-]+\.rules", group["name"])
        assert len(group["name"]) <= 40


def test_names_are_unique():
    names = [rule["alert"] for role in ROLES_WITH_RULES for rule in alerts(role)]
    assert len(set(names)) == len(names)
    found = [group["name"] for role in ROLES_WITH_RULES for group in groups(role)]
    assert len(set(found)) == len(found)


@each_alert
def test_an_alert_is_named_and_graded(role, rule):
    assert re.fullmatch(r"(?:[A-Z]+[a-z0-9]*)+", rule["alert"])
    assert len(rule["alert"]) <= 40
    assert rule["labels"]["severity"] in SEVERITIES


@each_alert
def test_an_alert_explains_itself(role, rule):
    summary, description = rule["annotations"]["summary"], rule["annotations"]["description"]
    assert "{{" not in summary
    assert re.fullmatch(r"[A-Zk].*\.", summary)
    assert description.endswith(".")
    # What always fires, or says that all of something is gone, has nothing to fill in.
    assert "{{" in description or rule["alert"] == "Watchdog"


@each_alert
def test_an_alert_compares_something(role, rule):
    text = rule["expr"]
    assert re.search(r"[<>]|[=!]=|absent\(", text) or rule["alert"] == "Watchdog"


@each_alert
def test_absence_waits(role, rule):
    if "absent(" in rule["expr"]:
        assert rule.get("for")


@each_alert
def test_annotations_read_labels_the_alert_has(role, rule):
    firing = [case for case in cases(role) if case.fires and case.subject == rule["alert"]]
    wanted = labels_read(rule["annotations"]["description"])
    # Only what stands inside {{ with }} may be missing.
    optional = set(re.findall(r"with \$labels\.(\w+)", rule["annotations"]["description"]))
    for case in firing:
        for labels in case.body["fires"]:
            assert wanted - optional <= {*labels, *rule["labels"]}


@each_role
def test_rates_are_taken_of_counters_and_gauges_are_not(role):
    for rule in rules(role):
        for name in re.findall(r"\b(?:rate|increase)\(\s*([A-Za-z_:][\w:]*)", rule["expr"]):
            assert name.endswith(("_total", "_bucket", "_sum", "_count")) or name in OTHER_COUNTERS, name


@each_role
def test_every_division_by_a_gauge_or_rate_guards_against_zero(role):
    """0 / 0 is NaN and x / 0 is +Inf, which is above every limit: the divisor must be compared with 0."""
    for rule in rules(role):
        for divisor in divisors(promql_parser.parse(rule["expr"])):
            text = " ".join(divisor.prettify().split())
            assert "> 0" in text or "count by" in text or isinstance(divisor, promql_parser.NumberLiteral), text


def divisors(node):
    if isinstance(node, promql_parser.BinaryExpr):
        if str(node.op) == "/":
            yield node.rhs
        yield from divisors(node.lhs)
        yield from divisors(node.rhs)
    elif isinstance(node, promql_parser.Call):
        for argument in node.args:
            yield from divisors(argument)
    elif isinstance(node, (promql_parser.AggregateExpr, promql_parser.ParenExpr)):
        yield from divisors(node.expr)


def test_every_recorded_series_is_read_or_promised():
    found = [rule for role in ROLES_WITH_RULES for rule in rules(role, {"dcgm_exporter_expected_gpus": {"n1": 8}})]
    recorded = {rule["record"] for rule in found if "record" in rule}
    read = {selector.name for rule in found for selector in selectors(rule["expr"])}
    pages = ["roles/model_monitoring/README.md", "docs/gpu_metrics.md"]
    promised = "\n".join((ROOT / page).read_text() for page in pages)
    assert [name for name in recorded - read if name not in promised] == []


def anchors(text):
    """GitHub's anchors of the headings of a page: lower case, spaces as hyphens, no punctuation."""
    headings = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("role", ROLES_WITH_RULES)
def test_every_runbook_link_leads_to_a_section(role):
    for rule in alerts(role, {"platform_runbook_base": BASE}):
        base, _, rest = rule["annotations"]["runbook_url"].partition(f"{BASE}/")
        page, _, anchor = rest.partition("#")
        assert base == ""
        assert anchor == rule["alert"].lower()
        assert anchor in anchors((RUNBOOKS / page).read_text())


@pytest.mark.parametrize("role", ROLES_WITH_RULES)
def test_a_runbook_covers_the_alerts_of_its_role_and_no_other(role):
    text = (RUNBOOKS / f"{role}.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(sections) == [rule["alert"] for rule in alerts(role)]
    for name, section in sections.items():
        assert re.findall(r"^\*\*(\w+)\.\*\*\s+\S", section, re.MULTILINE) == SECTIONS, name
