# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task, by ansible-playbook: one contract for both ways it can run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from integration.engine.conftest import Cluster, changes

HERE = Path(__file__).parent
SECRET = "hunter2-never-shown"
TEMPLATES = {
    "settings.yaml.j2": """---
# a comment before the object
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  value: "{{ demo_value }}"
{% for number in range(3) %}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: part-{{ number }}
{% endfor %}
---
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: "{{ demo_password }}"}
""",
    "rules.angle.yaml.j2": """apiVersion: v1
kind: ConfigMap
metadata: {name: rules}
data:
  <% if demo_value %>
  rule: "{{ $labels.pod }} << demo_value >>"
  <% endif %>
""",
}


class Play:
    """A role with one rollout task, and the playbook that runs it."""

    def __init__(self, cluster: Cluster, folder: Path, connection: str) -> None:
        self.cluster, self.folder, self.connection = cluster, folder, connection
        self.templates = folder / "roles" / "demo" / "templates"
        self.templates.mkdir(parents=True)
        (folder / "roles" / "demo" / "tasks").mkdir()
        for name, text in TEMPLATES.items():
            (self.templates / name).write_text(text)
        self.task: dict[str, Any] = {
            "component": "demo",
            "namespace": cluster.namespace,
            "templates": ["settings.yaml.j2", "*.angle.yaml.j2"],
            "wait_timeout": 20,
        }
        self.keywords: dict[str, Any] = {"environment": {"K8S_AUTH_KUBECONFIG": str(cluster.server.kubeconfig)}}
        self.variables: dict[str, Any] = {"demo_value": "one", "demo_password": SECRET}

    def command(self, *options: str) -> tuple[list[str], dict[str, str]]:
        task = {"openhands.gpu_observability.rollout": self.task, "register": "__demo", **self.keywords}
        keep = {
            "ansible.builtin.copy": {"content": "{{ __demo | to_json }}", "dest": str(self.folder / "result.json")},
            "delegate_to": "localhost",
            "vars": {"ansible_connection": "local"},
            "check_mode": False,
            "diff": False,
            "no_log": True,
        }
        block = {"block": [task], "always": [keep]}
        (self.folder / "roles" / "demo" / "tasks" / "main.yml").write_text(yaml.safe_dump([block]))
        play = {"hosts": "all", "gather_facts": False, "roles": ["demo"]}
        (self.folder / "play.yml").write_text(yaml.safe_dump([play]))
        host = {"ansible_connection": self.connection, "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        inventory = {"all": {"hosts": {"one": host}, "vars": self.variables}}
        (self.folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
        environment = {
            **os.environ,
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"),
            "ANSIBLE_COLLECTIONS_PATH": str(HERE.parents[2] / ".collections"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            "ANSIBLE_REMOTE_TEMP": str(self.folder / "tmp"),
            "TMPDIR": str(self.folder / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
        }
        (self.folder / "tmp").mkdir(exist_ok=True)
        return ["ansible-playbook", "-i", "inventory.yml", "play.yml", *options], environment

    def run(self, *options: str) -> tuple[dict[str, Any], str]:
        command, environment = self.command(*options)
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        output = done.stdout + done.stderr
        assert "Traceback" not in output, output
        result = self.folder / "result.json"
        assert result.exists(), output
        return json.loads(result.read_text()), output


@pytest.fixture(params=["local", "elsewhere"])
def play(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> Play:
    """The same play on the controller, and as a module on a target."""
    return Play(cluster, tmp_path, request.param)


def test_a_role_is_rolled_out_and_a_rerun_changes_nothing(play):
    result, output = play.run()
    assert not result["failed"], output
    assert result["changed"]
    assert result["verdict"] == "current"
    assert set(changes(result).values()) == {"created"}
    assert play.cluster.get("configmaps", "settings")["data"] == {"value": "one"}
    assert play.cluster.get("configmaps", "rules")["data"] == {"rule": "{{ $labels.pod }} one"}

    again, _output = play.run()
    assert not again["changed"]
    assert again["counts"]["unchanged"] == 6


def test_an_object_knows_its_template_and_line(play):
    result, _output = play.run()
    sources = {entry["name"]: entry["source"] for entry in result["objects"]}
    assert sources == {
        "settings": "roles/demo/templates/settings.yaml.j2:3",
        "part-0": "roles/demo/templates/settings.yaml.j2:10",
        "part-1": "roles/demo/templates/settings.yaml.j2:10",
        "part-2": "roles/demo/templates/settings.yaml.j2:10",
        "login": "roles/demo/templates/settings.yaml.j2:16",
        "rules": "roles/demo/templates/rules.angle.yaml.j2:1",
    }


def test_no_secret_is_left_or_shown(play):
    result, output = play.run("-vvvv", "--diff")
    assert not result["failed"]
    assert SECRET not in output
    assert SECRET not in json.dumps(result)
    left = [path for path in (play.folder / "tmp").rglob("*") if path.is_file()]
    assert [path for path in left if SECRET.encode() in path.read_bytes()] == []


def test_check_mode_writes_nothing(play):
    result, output = play.run("--check", "--diff")
    assert not result["failed"], output
    assert result["counts"]["created"] == 6
    assert "+  value: one" in output
    assert play.cluster.get("configmaps", "settings") is None


def test_a_wrong_object_fails_the_task_and_names_its_line(play):
    wrong = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: wrong}\nspec: {}\n"
    (play.templates / "wrong.yaml.j2").write_text("# nothing here\n" + wrong)
    play.task["templates"].append("wrong.yaml.j2")
    result, _output = play.run()
    assert result["failed"]
    assert "roles/demo/templates/wrong.yaml.j2:3: ConfigMap" in result["msg"]
    assert ".spec" in result["msg"] or ": spec:" in result["msg"]
    assert result["objects"] == []
    assert play.cluster.get("configmaps", "settings") is None


def test_absent_takes_it_away(play):
    play.run()
    play.task["state"] = "absent"
    result, output = play.run()
    assert not result["failed"], output
    assert result["counts"]["deleted"] == 6
    assert play.cluster.get("configmaps", "settings") is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("undefined.yaml.j2", "a: 1\nb: {{ nowhere }}\n", "undefined.yaml.j2:2: undefined variable: 'nowhere'"),
        ("nested.yaml.j2", "a: 1\n\nb: {{ demo_value.x.y }}\n", "nested.yaml.j2:3: undefined variable"),
        ("broken.yaml.j2", "a: 1\n{% if %}\n", "broken.yaml.j2:2: can't be rendered"),
        ("yaml.yaml.j2", "---\na: 1\n---\na: 1\n  b: 2\n", "yaml.yaml.j2:5: not valid YAML"),
        ("twice.yaml.j2", "---\na: 1\na: 2\n", "twice.yaml.j2:3: the key a is given twice (first on line 2)"),
        ("list.yaml.j2", "just text\n", "list.yaml.j2:1: expected an object, found str"),
        ("x.angle.yaml.j2", "a: 1\nb: << nowhere >>\n", "x.angle.yaml.j2:2: undefined variable: 'nowhere'"),
    ],
)
def test_a_template_that_fails_is_named_with_its_line(cluster, tmp_path, name, text, message):
    play = Play(cluster, tmp_path, "local")
    (play.templates / name).write_text(text)
    play.task["templates"] = [name]
    result, output = play.run()
    assert result["failed"], output
    assert "roles/demo/templates/" + message in result["msg"]
    assert "Nothing was written" in result["msg"]


def test_a_missing_template_is_looked_for_in_the_role_only(cluster, tmp_path):
    play = Play(cluster, tmp_path, "local")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "beside.yaml.j2").write_text("a: 1\n")
    play.task["templates"] = ["beside.yaml.j2"]
    result, _output = play.run()
    assert result["failed"]
    assert "no such template: %s" % (play.templates / "beside.yaml.j2") in result["msg"]


def test_a_misspelt_option_is_said(cluster, tmp_path):
    play = Play(cluster, tmp_path, "local")
    play.task["wait_timout"] = 3
    result, _output = play.run()
    assert result["failed"]
    assert "wait_timout" in result["msg"]


@pytest.mark.parametrize("connection", ["local", "elsewhere"])
def test_an_interrupt_leaves_no_traceback_and_a_rerun_completes(cluster, tmp_path, connection):
    play = Play(cluster, tmp_path, connection)
    never = """---
apiVersion: v1
kind: Pod
metadata: {name: never}
spec: {containers: [{name: c, image: i}]}
"""
    (play.templates / "never.yaml.j2").write_text(never)
    play.task["templates"].append("never.yaml.j2")
    play.task["wait_timeout"] = 60
    command, environment = play.command()
    started = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while cluster.get("pods", "never") is None and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    os.killpg(started.pid, signal.SIGINT)
    output, _nothing = started.communicate(timeout=30)
    assert started.returncode != 0
    assert "Traceback" not in output
    assert SECRET not in output
    left = [path for path in (tmp_path / "tmp").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert left == []

    play.task["templates"].remove("never.yaml.j2")
    result, output = play.run()
    assert not result["failed"], output
    assert result["counts"]["unchanged"] == 6
