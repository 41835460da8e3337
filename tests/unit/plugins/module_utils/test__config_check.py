# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What promtool and amtool are asked, and how their answers are read."""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, Optional

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _config_check as check
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest


def rule(name: str, groups: Any, source: str = "templates/rules.angle.yaml.j2") -> Manifest:
    body = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name},
        "spec": {"groups": groups},
    }
    return Manifest(body=body, source=source)


def secret(**content: Any) -> Manifest:
    return Manifest(
        body={"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "alertmanager-config"}, **content},
        source="c.j2",
    )


GROUPS = [
    {
        "name": "a",
        "partial_response_strategy": "warn",
        "rules": [{"alert": "X", "expr": "up"}, {"record": "r", "expr": "up"}],
    }
]


def test_only_rules_become_files_and_thanos_fields_are_left_out() -> None:
    (file,) = check.rule_files([secret(), rule("model-alerts", GROUPS)])
    assert file.filename == "rules-0.yaml"
    assert file.subject == "templates/rules.angle.yaml.j2: PrometheusRule model-alerts"
    assert file.rules == 2
    assert json.loads(file.text) == {"groups": [{"name": "a", "rules": GROUPS[0]["rules"]}]}


def test_a_rule_without_groups_is_an_empty_file() -> None:
    (file,) = check.rule_files([rule("none", None)])
    assert (json.loads(file.text), file.rules) == ({"groups": []}, 0)


# As promtool 3.14 and 2.42 write it, stdout and stderr together.
PROMTOOL = """Checking /tmp/abc/rules-0.yaml
  FAILED:
/tmp/abc/rules-0.yaml: 5:11: group "a", rule 1, "X": could not parse expression: 1:16: parse error: unexpected ")"
/tmp/abc/rules-0.yaml: group "a", rule 2, "Y": annotation "summary": template: __alert_Y:1: function "nope" not defined
Checking /tmp/abc/rules-1.yaml
  SUCCESS: 3 rules found
/tmp/abc/rules-1.yaml: 0:0: groupname: "a" is repeated in the same file
"""


def test_promtool_errors_name_template_object_and_rule() -> None:
    files = check.rule_files([rule("first", GROUPS, "one.j2"), rule("second", GROUPS, "two.j2")])
    assert check.rule_errors(files, PROMTOOL) == [
        'one.j2: PrometheusRule first, group a, rule X: could not parse expression: 1:16: parse error: unexpected ")"',
        (
            'one.j2: PrometheusRule first, group a, rule Y: annotation "summary": template: __alert_Y:1: '
            'function "nope" not defined'
        ),
        'two.j2: PrometheusRule second: groupname: "a" is repeated in the same file',
    ]


def test_lines_promtool_adds_are_kept_and_success_says_nothing() -> None:
    files = check.rule_files([rule("first", GROUPS)])
    assert check.rule_errors(files, "panic: out of paper\n  at line 3") == ["panic: out of paper at line 3"]
    assert check.rule_errors(files, "Checking rules-0.yaml\n  SUCCESS: 2 rules found\n\n") == []


def test_files_are_cut_into_groups_and_rules_to_find_the_one_that_is_meant() -> None:
    cut = check.split(check.rule_files([rule("first", GROUPS, "one.j2")]))
    assert [(file.filename, file.subject, file.rules) for file in cut] == [
        ("rules-0.yaml", "one.j2: PrometheusRule first, group a", 0),
        ("rules-1.yaml", "one.j2: PrometheusRule first, group a, rule X", 1),
        ("rules-2.yaml", "one.j2: PrometheusRule first, group a, rule r", 1),
    ]
    assert json.loads(cut[1].text) == {"groups": [{"name": "a", "rules": [GROUPS[0]["rules"][0]]}]}
    output = '/t/rules-1.yaml: unknown unit "x" in duration "5x"\n' * 2
    assert check.rule_errors(cut, output) == [
        'one.j2: PrometheusRule first, group a, rule X: unknown unit "x" in duration "5x"'
    ]


def test_errors_without_a_rule_are_not_precise() -> None:
    assert check.precise(["f: PrometheusRule x, group a, rule X: bad"])
    assert not check.precise(["f: PrometheusRule x, group a, rule X: bad", "f: PrometheusRule x: worse"])


@pytest.mark.parametrize(
    "manifest",
    [
        secret(stringData={"alertmanager.yaml": "route: {}"}),
        secret(data={"alertmanager.yaml": base64.b64encode(b"route: {}").decode()}),
    ],
)
def test_the_configuration_is_found_plain_and_encoded(manifest: Manifest) -> None:
    (config,) = check.alertmanager_configs([rule("r", []), secret(stringData={"other": "x"}), manifest])
    assert (config.text, config.subject) == ("route: {}", "c.j2: Secret alertmanager-config")


def test_amtools_complaint_becomes_one_line() -> None:
    config = check.AlertmanagerConfig("c.j2: Secret x", "")
    output = (
        "Checking '/tmp/a.yaml'  FAILED: yaml: unmarshal errors:\n  line 3: field bad not found\n\n"
        "amtool: error: failed to validate 1 file(s)"
    )
    assert check.config_errors(config, output) == "c.j2: Secret x: yaml: unmarshal errors: line 3: field bad not found"
    assert check.config_errors(config, "") == "c.j2: Secret x: amtool refused it without a reason"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("slack_api_url: https://hooks.slack.com/services/YOUR/SLACK/WEBHOOK", "YOUR/SLACK/WEBHOOK"),
        ("service_key: YOUR_PAGERDUTY_KEY", "YOUR_PAGERDUTY_KEY"),
        ("channel: '#your_team'", None),
    ],
)
def test_placeholders_in_the_configuration(text: str, named: Optional[str]) -> None:
    error = check.placeholder_in(check.AlertmanagerConfig("s", text))
    assert (error is None) if named is None else (error is not None and named in error)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("alertmanager_slack_url", "https://hooks.slack.com/services/YOUR/SLACK/WEBHOOK", "placeholder"),
        ("alertmanager_pagerduty_key", "YOUR_PAGERDUTY_KEY", "placeholder"),
        ("alertmanager_pagerduty_key", "<key>", "placeholder"),
        ("alertmanager_pagerduty_key", "changeme", "placeholder"),
        ("alertmanager_pagerduty_key", "xxxxxxxx", "placeholder"),
        ("alertmanager_pagerduty_key", "abcdef\n", "white space"),
        ("alertmanager_pagerduty_key", 17, "string"),
        ("alertmanager_slack_url", "hooks.slack.com/services/T0/B0/abc", "http"),
        ("alertmanager_slack_secret", {"name": "slack"}, "name and key"),
        ("alertmanager_slack_secret", {"name": "slack", "key": ""}, "name and key"),
        ("alertmanager_slack_secret", {"name": "slack", "key": "url", "namespace": "x"}, "name and key"),
        ("alertmanager_slack_secret", {"name": "slack", "key": "url"}, None),
        ("alertmanager_slack_secret", {}, None),
        ("alertmanager_slack_url", "", None),
        ("alertmanager_slack_url", "https://hooks.slack.com/services/T0/B0/abc", None),
        ("alertmanager_heartbeat_url", "http://receiver.models.svc:8080/alerts", None),
        ("alertmanager_pagerduty_key", "f00dc0ffee", None),
    ],
)
def test_credentials(name: str, value: Any, says: Optional[str]) -> None:
    error = check.credential_error(name, value)
    if says is None:
        assert error is None
    else:
        assert error is not None
        assert says in error
        assert error.startswith(name + " ")
        assert not isinstance(value, str) or value not in error


def test_all_wrong_credentials_are_named_at_once() -> None:
    wrong = check.credential_errors({"a_key": "YOUR_KEY", "b_key": "f00dc0ffee", "c_url": "nowhere", "d_url": ""})
    assert [error.partition(" ")[0] for error in wrong] == ["a_key", "c_url"]


CASE: Dict[str, Any] = {
    "labels": {"severity": "critical", "alertname": "A B"},
    "receivers": ["page", "chat"],
    "never": ["heart"],
}


@pytest.mark.parametrize(
    ("reached", "says"),
    [
        (["page", "chat"], None),
        (["copy", "page", "chat"], None),
        (["chat"], "does not reach page; it reaches chat"),
        ([], "does not reach page, chat; it reaches nobody"),
        (["page", "chat", "heart"], "must not reach heart"),
    ],
)
def test_routing_cases(reached: Any, says: Optional[str]) -> None:
    error = check.case_error(CASE, reached)
    if says is None:
        assert error is None
    else:
        assert error is not None
        assert says in error
        assert 'alertname="A B" severity="critical"' in error


def test_label_values_are_quoted_for_amtool() -> None:
    assert check.label_arguments({"b": 'say "hi"', "a": 1}) == ['a="1"', 'b="say \\"hi\\""']


def test_receivers_are_read_from_the_last_line() -> None:
    assert check.receivers_of("warning: something\npage,chat\n") == ["page", "chat"]
    assert check.receivers_of("") == []


def test_an_alert_that_reaches_only_silent_receivers_is_warned_about() -> None:
    config = {
        "receivers": [
            {"name": "chat"},
            {"name": "page", "pagerduty_configs": [{}]},
            {"name": "empty", "webhook_configs": []},
        ]
    }
    silent = check.silent_receivers(config)
    assert silent == ["chat", "empty"]
    assert check.silence_warning(CASE, ["chat", "page"], silent) is None
    assert "reaches nobody: chat" in str(check.silence_warning(CASE, ["chat"], silent))


def test_credentials_are_removed_from_messages() -> None:
    text = check.redact("bad url https://h/secret", {"a_url": "https://h/secret", "b": {"name": "n"}, "c": ""})
    assert text == "bad url ********"


def test_a_missing_tool_is_named_with_its_variable() -> None:
    text = check.missing_tool_warning("promtool", "platform_promtool", "3 rules were")
    assert "promtool" in text
    assert "platform_promtool" in text
    assert "3 rules were not checked" in text


def test_the_summary_counts() -> None:
    files = check.rule_files([rule("r", GROUPS)])
    tools = {"promtool": ("/bin/promtool", True), "amtool": ("", False)}
    assert check.summary(files, [CASE], tools) == {
        "rules": 2,
        "routing_cases": 1,
        "tools": {"promtool": "/bin/promtool"},
    }
