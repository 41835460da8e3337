# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""driver_plan and gpu_hosts_report in a real play: options, results, the table and the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from driver_case import driven, facts, plan

ROOT = Path(__file__).resolve().parents[4]
HOSTS = {
    "gpu-01": driven(),
    "gpu-02": driven("570.195.03"),
    "gpu-03": facts(generation="volta"),
}
WISH = {"flavour": "open"}
ENTRIES = [
    *({"host": name, "plan": "{{ plans[%r] }}" % name} for name in HOSTS),
    {"host": "gpu-04", "error": "unreachable"},
]
PLAN, REPORT = "openhands.gpu_observability.driver_plan", "openhands.gpu_observability.gpu_hosts_report"
TASKS = {
    "asked": {PLAN: {"host": HOSTS["gpu-01"], "wish": WISH, "changes": []}},
    "by_number": {PLAN: {"host": HOSTS["gpu-01"], "wish": {"branch": 580, "expected_gpus": "1"}}},
    "defaults": {PLAN: {"host": HOSTS["gpu-02"]}},
    "misspelt": {PLAN: {"host": HOSTS["gpu-01"], "wish": {"brnch": "580"}}},
    "wrong_choice": {PLAN: {"host": HOSTS["gpu-01"], "wish": {"flavour": "closed"}}},
    "told": {REPORT: {"hosts": ENTRIES, "path": "{{ playbook_dir }}/reports/hosts.json", "title": "My fleet"}},
    "failing": {REPORT: {"hosts": ENTRIES, "fail": True}},
    "grouped": {REPORT: {"hosts": [{"host": "n1", "error": "x"}, {"host": "n2", "error": "x"}], "rows": 1}},
    "nobody": {REPORT: {"hosts": []}},
    "nowhere": {REPORT: {"hosts": [], "path": "/dev/null/x.json"}},
}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Every task once, in check mode: results by task, and what was printed."""
    folder = tmp_path_factory.mktemp("play")
    tasks = [{"name": f"Try {name}", **task, "register": name, "ignore_errors": True} for name, task in TASKS.items()]
    found = "{{ {" + ", ".join(f"'{name}': {name}" for name in TASKS) + "} | to_json }}"
    write = {"ansible.builtin.copy": {"dest": str(folder / "results.json"), "content": found}, "check_mode": False}
    plans = {name: plan(host, **WISH) for name, host in HOSTS.items()}
    # The host can't be reached: neither action may try.
    tasks.append({**write, "delegate_to": "localhost"})
    play = {"hosts": "all", "gather_facts": False, "vars": {"plans": plans}, "tasks": tasks}
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "--check", "-i", "nowhere.invalid,", "play.yml"],
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_LOCALHOST_WARNING": "false",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (folder / "results.json").exists(), done.stdout + done.stderr
    return json.loads((folder / "results.json").read_text()), done.stderr, folder


def test_a_plan_is_made_without_asking_the_host(played):
    results = played[0]
    assert results["asked"]["plan"]["action"] == "none"
    assert results["by_number"]["plan"]["wanted"]["branch"] == "580"
    assert results["defaults"]["plan"]["action"] == "upgrade"
    assert results["defaults"]["plan"]["pending"]
    assert [results[name]["changed"] for name in ("asked", "by_number", "defaults")] == [False] * 3


def test_the_actions_plan_is_the_functions_plan(played):
    assert played[0]["asked"]["plan"] == plan(HOSTS["gpu-01"], [], **WISH)


@pytest.mark.parametrize(("name", "says"), [("misspelt", "brnch"), ("wrong_choice", "closed")])
def test_a_wrong_wish_is_named(played, name, says):
    assert played[0][name]["failed"] is True
    assert says in played[0][name]["msg"]


def test_the_table_is_shown_and_the_file_written(played):
    results, shown, folder = played
    told = results["told"]
    assert told["ok"] is False
    assert not told.get("failed")
    assert told["bad"] == ["gpu-03", "gpu-04"]
    assert told["counts"]["as_wanted"] == 1
    assert told["path"] == str(folder / "reports" / "hosts.json")
    written = json.loads((folder / "reports" / "hosts.json").read_text())
    assert [host["status"] for host in written["hosts"]] == ["as_wanted", "pending", "blocked", "failed"]
    assert "My fleet: collection " in shown
    assert "4 hosts: 1 as wanted, 1 pending, 1 blocked, 1 failed; 1 to drain, 0 to reboot" in shown
    assert "open modules don't drive volta" in shown


def test_hosts_alike_share_a_row(played):
    assert "\nn[1-2]  -" in played[1]


def test_it_fails_where_it_is_asked_to(played):
    failing = played[0]["failing"]
    assert failing["failed"] is True
    assert failing["msg"].startswith("2 of 4 GPU hosts can't be brought to what the inventory says: gpu-[03-04].")
    assert not played[0]["nobody"].get("failed")
    assert played[0]["nobody"]["ok"] is True


def test_a_file_that_cannot_be_written_is_named(played):
    assert "The report /dev/null/x.json can't be written" in played[0]["nowhere"]["msg"]
