# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules as tasks of a play against the lab."""

from __future__ import annotations

import pytest
from module_examples import examples

RATE = {"namespace": "models", "service": "load-generator", "port": "http", "path": "/settings"}


def run(started):
    output, _nothing = started.communicate(timeout=120)
    return started.returncode, output


def test_a_probe_reads_in_check_mode_and_writes_only_outside_of_it(stack, tasks):
    write = {**RATE, "method": "PUT", "body": {"rate": 11}}
    todo = (
        {"name": "Read", "openhands.gpu_observability.probe": {**RATE, "until": "json.rate"}, "register": "before"},
        {"name": "Write", "openhands.gpu_observability.probe": write, "register": "written"},
        {"name": "Read again", "openhands.gpu_observability.probe": RATE, "register": "after"},
        {
            "name": "Judge",
            "ansible.builtin.assert": {
                "that": [
                    "before.json.rate != 11",
                    "written is changed",
                    "(written is skipped) == ansible_check_mode",
                    "(after.json.rate == 11) != ansible_check_mode",
                    "before is not changed",
                ]
            },
        },
        {"name": "Set back", "openhands.gpu_observability.probe": {**write, "body": {"rate": 10}}},
    )
    for arguments in (("--check",), ()):
        code, output = run(tasks(*todo, arguments=arguments))
        assert code == 0, output


def test_a_secret_header_is_never_shown(stack, tasks):
    todo = {
        "name": "Ask",
        "openhands.gpu_observability.probe": {**RATE, "secret_headers": {"Authorization": "Bearer very-secret-word"}},
    }
    code, output = run(tasks(todo, arguments=("-vvv",)))
    assert code == 0, output
    assert "very-secret-word" not in output


def test_a_credential_among_the_plain_headers_is_refused(stack, tasks):
    code, output = run(
        tasks({"name": "Ask", "openhands.gpu_observability.probe": {**RATE, "headers": {"Authorization": "x"}}})
    )
    assert code != 0
    assert "Authorization carries a credential; put it in secret_headers" in output


def test_a_probe_in_vain_says_what_it_got(stack, tasks):
    todo = {"name": "Ask", "openhands.gpu_observability.probe": {**RATE, "until": "json.rate > `1000`", "timeout": 0}}
    code, output = run(tasks(todo))
    assert code != 0
    assert "service models/load-generator /settings: until gave false (1 attempts" in output


def test_what_a_prometheus_lacks_is_listed(stack, tasks):
    todo = {
        "name": "Ask",
        "openhands.gpu_observability.prometheus_check": {
            "namespace": "monitoring",
            "replicas": 3,
            "version": "1.0.0",
            "jobs": {"no-such-job": 1},
            "rules": ["prometheus"],
            "alerts": ["NoSuchAlert"],
            "series": {"nothing": "no_such_series"},
            "timeout": 0,
        },
    }
    code, output = run(tasks(todo))
    assert code != 0
    for reason in (
        "replicas (2 of 3 ready)",
        "expected 1.0.0",
        "targets of job no-such-job (no target; jobs that have some: ",
        "rules loaded (missing: alert NoSuchAlert)",
        "series nothing (no data)",
    ):
        assert reason in output, reason
    assert "configuration reload (" not in output


def test_a_rule_object_that_is_not_there(stack, tasks):
    check = {"namespace": "monitoring", "rules": ["no-such-rules"], "timeout": 0}
    code, output = run(tasks({"name": "Ask", "openhands.gpu_observability.prometheus_check": check}))
    assert code != 0
    assert "PrometheusRule monitoring/no-such-rules: " in output


def test_what_an_alertmanager_lacks_is_listed(stack, tasks):
    check = {"namespace": "monitoring", "replicas": 3, "receivers": ["nobody"], "heartbeat": "NoSuch", "timeout": 0}
    code, output = run(tasks({"name": "Ask", "openhands.gpu_observability.alertmanager_check": check}))
    assert code != 0
    for reason in ("cluster (ready, 2 of 3 peers)", "receivers (missing: nobody", "alert NoSuch (not received"):
        assert reason in output, reason


@pytest.mark.parametrize("module", ["probe", "prometheus_check", "alertmanager_check"])
def test_the_examples_run_as_they_stand(stack, tasks, module):
    # What they would write goes to a Loki that the lab doesn't have: check mode sends nothing.
    todo = [
        {**task, "check_mode": "body" in task["openhands.gpu_observability." + module]} for task in examples(module)
    ]
    code, output = run(tasks({"ansible.builtin.set_fact": {"tenant": "ops"}}, *todo))
    assert code == 0, output
    assert output.count("TASK [") == len(todo) + 1
