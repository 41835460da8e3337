# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of each role's rules, and their translation to promtool's unit test files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from rules import dcgm_names
from rules.promql import selectors
from rules.rendering import ROLES, ROOT, render

CASES = ROOT / "tests" / "rules" / "cases"
# A role with many rules has a template for each kind of them.
TEMPLATES = "*rules.angle.yaml.j2"
ROLES_WITH_RULES = sorted({path.parent.parent.name for path in ROLES.glob(f"*/templates/{TEMPLATES}")})
Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """Raw series, a time, and what must hold then: alerts that fire, or samples of a recorded series."""

    role: str
    number: int
    body: Mapping[str, Any]

    @property
    def subject(self) -> str:
        """The alert or recorded series this is about."""
        return str(self.body.get("alert") or self.body["record"])

    @property
    def name(self) -> str:
        """How a failing test is shown."""
        return f"{self.role}: {self.subject}: {self.body['why']}"

    @property
    def fires(self) -> bool:
        """Whether the case expects the alert to fire."""
        return bool(self.body.get("fires"))


class CaseLoader(yaml.SafeLoader):
    """YAML in which promtool's 0x20 (twenty more zeros) is not the number 32."""


CaseLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:int"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
CaseLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))


@cache
def cases(role: str) -> tuple[Case, ...]:
    """All cases of a role, in the order of its file."""
    bodies = yaml.load((CASES / f"{role}.yml").read_text(), Loader=CaseLoader)
    return tuple(
        Case(role, number, version)
        for number, body in enumerate(bodies, start=1)
        for version in ([body, dcgm_names.renamed(body)] if body.get("renamed") else [body])
    )


def rule_objects(role: str, variables: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The PrometheusRules a role renders with its defaults and these variables."""
    names = sorted(path.name for path in (ROLES / role / "templates").glob(TEMPLATES))
    return [item for name in names for item in render(role, name, variables)]


def groups(role: str, variables: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The rule groups a role renders with its defaults and these variables."""
    return [group for item in rule_objects(role, variables) for group in item["spec"]["groups"]]


def rules(role: str, variables: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Its rules, alerts and recordings."""
    for group in groups(role, variables):
        yield from group["rules"]


def alerts(role: str, variables: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Its alerts."""
    return [rule for rule in rules(role, variables) if "alert" in rule]


def needed_groups(found: list[dict[str, Any]], subject: str) -> list[str]:
    """Names of the groups with a rule, and before them of those that record what it reads, in the order to evaluate."""
    recording = {rule["record"]: group for group in found for rule in group["rules"] if "record" in rule}
    needed: list[str] = []

    def need(group: dict[str, Any]) -> None:
        if group["name"] in visited:
            return
        visited.add(group["name"])
        for rule in group["rules"]:
            for selector in selectors(rule["expr"]):
                if selector.name in recording:
                    need(recording[selector.name])
        needed.append(group["name"])

    visited: set[str] = set()
    for group in found:
        if any(subject in (rule.get("alert"), rule.get("record")) for rule in group["rules"]):
            need(group)
    return needed


def without_annotations(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same groups without annotations: promtool would compare their text, which another test looks at."""
    bare = [{**group, "rules": [dict(rule) for rule in group["rules"]]} for group in found]
    for group in bare:
        for rule in group["rules"]:
            rule.pop("annotations", None)
    return bare


def promtool_test(case: Case, own_labels: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """A case as one entry of a promtool unit test file; own_labels are the static labels of each alert."""
    body = case.body
    test: dict[str, Any] = {
        "name": case.name,
        "interval": body.get("interval", "1m"),
        "input_series": [{"series": series, "values": str(values)} for series, values in body["series"].items()],
    }
    if "alert" in body:
        expected = [{"exp_labels": {**own_labels[case.subject], **labels}} for labels in body["fires"]]
        test["alert_rule_test"] = [{"eval_time": body["at"], "alertname": case.subject, "exp_alerts": expected}]
        if "not_before" in body:
            early = {"eval_time": body["not_before"], "alertname": case.subject, "exp_alerts": []}
            test["alert_rule_test"].insert(0, early)
    else:
        samples = [
            {"labels": labels.replace("{", case.subject + "{", 1), "value": value}
            for labels, value in body["samples"].items()
        ]
        test["promql_expr_test"] = [{"expr": case.subject, "eval_time": body["at"], "exp_samples": samples}]
    return test


def labels_read(text: str) -> set[str]:
    """The labels that an annotation's template reads."""
    return set(re.findall(r"\$labels\.(\w+)", text))
