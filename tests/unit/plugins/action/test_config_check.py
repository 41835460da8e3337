# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action config_check in a real play: what it looks at, what it says, what it never shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[4]
CANARY = "canary-4f1b"
RULES = """
kind: PrometheusRule
apiVersion: monitoring.coreos.com/v1
metadata: {name: << name >>}
spec:
  groups:
    - name: g
      rules:
        - {alert: Fine, expr: "up == 0", annotations: {summary: "{{ $labels.job }}"}}
"""
CONFIG = """
kind: Secret
apiVersion: v1
metadata: {name: alertmanager-config}
stringData:
  alertmanager.yaml: |
    route: {receiver: chat}
    receivers: [{name: chat}]
"""
TASKS = {
    "fine": {"templates": ["*.angle.yaml.j2"], "credentials": {"a_url": f"https://example.com/{CANARY}", "b": ""}},
    "placeholder": {
        "templates": ["nowhere.yaml.j2"],
        "credentials": {"a_url": f"https://x/YOUR_{CANARY}", "b_key": "TODO"},
    },
    "missing_template": {"templates": ["nowhere.yaml.j2"]},
    "wrong_type": {"templates": ["rules.angle.yaml.j2"], "routing_cases": [{"labels": {}}]},
    "unknown_option": {"template": "rules.angle.yaml.j2"},
    "wrong_tool": {"templates": ["rules.angle.yaml.j2"], "promtool": "/nowhere/promtool"},
    "refused": {
        "templates": ["rules.angle.yaml.j2"],
        "promtool": "{{ playbook_dir }}/promtool",
        "overrides": [
            {"kind": "PrometheusRule", "name": "mine", "merge": {"spec": {"groups": [{"name": "overridden"}]}}},
            {"kind": "Deployment", "name": "elsewhere", "merge": {"spec": {"replicas": 2}}},
        ],
    },
}
# Refuses everything, and shows what it was given.
PROMTOOL = """#!/bin/sh
for file in "$@"; do :; done
echo "$file: 1:1: group \\"overridden\\", rule 1, \\"Fine\\": $(cat "$file")"
exit 1
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Run every task once, in one play; returns task -> result and all that was printed with -vvv."""
    folder = tmp_path_factory.mktemp("play")
    role = folder / "roles" / "checked"
    (role / "templates").mkdir(parents=True)
    (role / "tasks").mkdir()
    (role / "templates" / "rules.angle.yaml.j2").write_text(RULES)
    (role / "templates" / "config.angle.yaml.j2").write_text(CONFIG)
    (folder / "promtool").write_text(PROMTOOL)
    (folder / "promtool").chmod(0o755)
    tasks = [
        {
            "name": f"Try {name}",
            "openhands.gpu_observability.config_check": options,
            "register": name,
            "ignore_errors": True,
        }
        for name, options in TASKS.items()
    ]
    (role / "tasks" / "main.yml").write_text(yaml.safe_dump(tasks))
    found = "{{ {" + ", ".join(f"'{name}': {name}" for name in TASKS) + "} | to_json }}"
    write = {"ansible.builtin.copy": {"dest": str(folder / "results.json"), "content": found}, "check_mode": False}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"name": "mine"},
        "roles": ["checked"],
        "post_tasks": [write],
    }
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-vvv", "--check", "-c", "local", "play.yml"],
        cwd=folder,
        env={
            **os.environ,
            "PATH": "/usr/bin:/bin",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (folder / "results.json").exists(), done.stdout + done.stderr
    return json.loads((folder / "results.json").read_text()), done.stdout + done.stderr


def test_good_input_changes_nothing_and_counts(played):
    result = played[0]["fine"]
    assert result["changed"] is False
    assert not result.get("failed")
    assert result["rules"] == 1


def test_placeholders_are_refused_before_anything_is_rendered(played):
    result = played[0]["placeholder"]
    assert result["failed"] is True
    assert [error.split()[0] for error in result["errors"]] == ["a_url", "b_key"]
    assert "2 errors" in result["msg"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing_template", "nowhere.yaml.j2"),
        ("wrong_type", "receivers"),
        ("unknown_option", "template"),
        ("wrong_tool", "platform_promtool is /nowhere/promtool"),
    ],
)
def test_bad_input_is_named(played, name, says):
    assert played[0][name]["failed"] is True
    assert says in played[0][name]["msg"]


def test_a_refused_rule_names_the_template_and_overrides_count(played):
    result = played[0]["refused"]
    where = "roles/checked/templates/rules.angle.yaml.j2: PrometheusRule mine, group overridden, rule Fine: "
    assert result["errors"][0].startswith(where)
    assert '"name": "overridden"' in result["errors"][0]
    assert "Fine" not in result["errors"][0].removeprefix(where)


def test_no_credential_is_ever_printed(played):
    results, printed = played
    assert "Try placeholder" in printed
    assert CANARY not in printed
    assert CANARY not in json.dumps(results)
