# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles render, as promtool and amtool see it; and inventories people copy, rendered whole."""

from __future__ import annotations

import stat

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _config_tools
from house_tree import ROOT
from render.conftest import definitions
from render.inputs import ALERTMANAGER, CASES, WITHOUT_RULES
from render.schema import faults
from render.tools import find
from rules.rendering import role_variables, variables_of_inventory

ROLES = ("prometheus_operator", "alertmanager", "prometheus", "node_exporter", "kube_state_metrics", "model_monitoring")
VAULT = {
    "vault_slack_url": "https://hooks.slack.com/services/T0/B0/c",
    "vault_heartbeat_url": "https://heart.example.com/1",
}
INVENTORIES = {
    "lab": ["lab/group_vars/all/*.yml"],
    "cluster-a": ["example/group_vars/kubernetes_clusters/*.yml", "example/host_vars/cluster-a.yml"],
    "cluster-b": ["example/group_vars/kubernetes_clusters/*.yml", "example/host_vars/cluster-b.yml"],
}


def manifests(found):
    return [Manifest(body, "rendered") for body in found.values()]


def check(found, cases=()):
    return _config_tools.run(manifests(found), cases, {}, find("promtool"), find("amtool"))


@pytest.mark.parametrize(("role", "variables"), CASES)
def test_tools_accept_what_is_rendered(objects, role, variables):
    report = check(objects(role, **variables), role_variables(role).get(f"{role}_routing_cases", []))
    assert report.errors == []
    assert (report.summary["rules"] > 0) == (role not in WITHOUT_RULES)


def test_without_credentials_the_run_says_who_is_not_reached(objects):
    cases = role_variables("alertmanager")["alertmanager_routing_cases"]
    warnings = check(objects("alertmanager"), cases).warnings
    assert len(warnings) == len(cases)
    assert all("reaches nobody" in warning for warning in warnings)
    assert check(objects("alertmanager", **ALERTMANAGER), cases).warnings == []


@pytest.mark.parametrize(
    ("labels", "receivers", "never"),
    [
        (
            {"severity": "critical"},
            ["copy", "pagerduty-critical", "slack-notifications"],
            ["storage", "night", "heartbeat"],
        ),
        ({"severity": "critical", "alertname": "CephOSDFull"}, ["storage", "pagerduty-critical"], ["heartbeat"]),
        ({"severity": "critical", "team": "night"}, ["night", "pagerduty-critical"], []),
        ({"severity": "info"}, ["copy", "slack-notifications"], ["pagerduty-critical"]),
        ({"alertname": "NoSeverity"}, ["slack-notifications"], ["pagerduty-critical"]),
        ({"alertname": "Watchdog", "severity": "none"}, ["heartbeat"], ["copy", "slack-notifications"]),
        ({"alertname": "Watchdog", "severity": "critical"}, ["heartbeat"], ["copy", "pagerduty-critical"]),
    ],
)
def test_who_gets_which_alert(objects, labels, receivers, never):
    case = {"labels": labels, "receivers": receivers, "never": never}
    assert check(objects("alertmanager", **ALERTMANAGER), [case]).errors == []


def test_a_contradicted_case_and_a_broken_route_are_errors(objects):
    case = {"labels": {"severity": "critical"}, "receivers": ["heartbeat"], "never": ["slack-notifications"]}
    (error,) = check(objects("alertmanager"), [case]).errors
    assert "does not reach heartbeat and must not reach slack-notifications" in error
    routes = [{"receiver": "nobody-knows", "matchers": ["a=b"]}]
    (error,) = check(objects("alertmanager", alertmanager_routes=routes), [case]).errors
    assert "Secret alertmanager-config" in error
    assert "nobody-knows" in error


def test_a_broken_rule_names_object_group_and_rule():
    rules = [{"alert": "Fine", "expr": "up == 0"}, {"alert": "Bad", "expr": "up == 0", "for": "5x"}]
    body = {"kind": "PrometheusRule", "metadata": {"name": "mine"}, "spec": {"groups": [{"name": "g", "rules": rules}]}}
    (error,) = check({("PrometheusRule", "mine"): body}).errors
    assert error.startswith("rendered: PrometheusRule mine, group g, rule Bad: ")
    assert "5x" in error


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_inventories_render_to_what_tools_and_definitions_accept(objects, inventory):
    files = sorted(path for pattern in INVENTORIES[inventory] for path in (ROOT / "inventories").glob(pattern))
    variables = variables_of_inventory(*files) | VAULT
    components = variables["platform_components"]
    schemas = definitions("0.93.0")
    for role in (role for role in ROLES if role in components):
        found = objects(role, **variables)
        for (kind, name), body in found.items():
            assert list(faults(schemas.get(kind, {}), body)) == [], name
        cases = variables.get(f"{role}_routing_cases", role_variables(role).get(f"{role}_routing_cases", []))
        report = check(found, cases)
        assert report.errors == [], role
        assert [warning for warning in report.warnings if "Watchdog" in warning] == []


def test_files_for_the_tools_are_private_and_gone_afterwards(objects, monkeypatch):
    seen = []

    def ask(command):
        path = next(part for part in command if part.endswith(".yaml")).removeprefix("--config.file=")
        seen.append((path, stat.S_IMODE(_config_tools.os.stat(path).st_mode)))
        return 0, "slack-notifications"

    monkeypatch.setattr(_config_tools, "ask", ask)
    monkeypatch.setattr(_config_tools, "find_tool", lambda name, _given: "/bin/" + name)
    _config_tools.run(manifests(objects("alertmanager")), [], {})
    assert len(seen) == 2
    assert {mode for _path, mode in seen} == {0o600}
    assert not any(_config_tools.os.path.exists(path) for path, _mode in seen)


def test_missing_tools_are_said_and_wrong_ones_refused(objects, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    report = _config_tools.run(manifests(objects("alertmanager")), [{"labels": {}, "receivers": []}], {})
    assert report.errors == []
    assert [warning.split()[0] for warning in report.warnings] == ["promtool", "amtool"]
    assert "1 routing cases were not checked" in report.warnings[1]
    with pytest.raises(_config_tools.ToolError, match="platform_promtool is /nowhere/promtool"):
        _config_tools.run([], [], {}, promtool="/nowhere/promtool")
    broken = tmp_path / "amtool"
    broken.write_text("not a program")
    broken.chmod(0o755)
    with pytest.raises(_config_tools.ToolError, match="could not be run"):
        _config_tools.run(manifests(objects("alertmanager")), [], {}, promtool="", amtool=str(broken))
