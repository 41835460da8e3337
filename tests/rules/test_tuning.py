# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site tunes single alerts by name, through the templates of every role."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from rules.rendering import load_vars
from rules.rule_cases import ROLES_WITH_RULES, alerts, groups


def test_the_names_a_site_may_tune_are_those_of_the_rules():
    shipped = [rule["alert"] for role in ROLES_WITH_RULES for rule in alerts(role)]
    assert load_vars("platform")["__platform_alert_names"] == sorted(shipped)


@pytest.mark.parametrize("role", ROLES_WITH_RULES)
def test_every_alert_can_be_turned_off_and_changed(role):
    first, *others = [rule["alert"] for rule in alerts(role)]
    wishes = {first: {"enabled": False}} | {name: {"severity": "info", "for": "7m"} for name in others}
    found = alerts(role, {"platform_alerts": wishes})
    assert [rule["alert"] for rule in found] == others
    assert {(rule["labels"]["severity"], rule["for"]) for rule in found} <= {("info", "7m")}


@pytest.mark.parametrize("role", ROLES_WITH_RULES)
def test_what_is_tuned_elsewhere_changes_nothing_here(role):
    assert groups(role, {"platform_alerts": {"NoSuchAlert": {"enabled": False}}}) == groups(role)


def test_a_bad_wish_is_named_with_alert_and_template():
    with pytest.raises(InvalidInput, match=r"rules\.angle\.yaml\.j2.*TargetDown: for must be a duration"):
        groups("prometheus", {"platform_alerts": {"TargetDown": {"for": 10}}})
