# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.openhands.gpu_observability.plugins.action.check_variables import known_variables

PLAY = """\
- hosts: all
  gather_facts: false
  connection: local
  tasks:
    - openhands.gpu_observability.check_variables:
        foreign: [prometheus_operator_crds_enabled]
"""


@pytest.fixture
def roles(tmp_path):
    def write(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    specs = "argument_specs: {main: {options: {cache_size: {}}}, verify: {options: {cache_probe: {}}}}"
    write("cache/meta/argument_specs.yml", specs)
    write("cache/defaults/main.yml", "cache_days: 3")
    write("cache/vars/debian.yml", "cache_packages: []")
    write("cache/tasks/main.yml", "[]")
    write("bare/tasks/main.yml", "[]")
    write("notes/README.md", "no role")
    return tmp_path


def test_a_role_knows_options_of_every_entry_point_defaults_and_computed(roles):
    names = {"cache_size", "cache_probe", "cache_days", "cache_packages"}
    assert known_variables(roles) == {"cache": names, "bare": set()}


def run(tmp_path, variables):
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "hosts.yml").write_text(f"all:\n  hosts:\n    one:\n  vars:\n{variables}")
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", "hosts.yml", "play.yml"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


def test_a_misspelt_variable_stops_the_play_with_its_line(tmp_path):
    done = run(tmp_path, "    prometheus_replicsa: 3\n    prometheus_operator_crds_enabled: true\n")
    assert done.returncode == 2
    assert "hosts.yml:5" in done.stdout + done.stderr
    assert "did you mean prometheus_replicas?" in done.stdout + done.stderr
    assert "prometheus_operator_crds_enabled" not in done.stdout + done.stderr


def test_right_variables_pass_and_change_nothing(tmp_path):
    done = run(tmp_path, "    prometheus_replicas: 3\n    cluster_name: mine\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=0" in done.stdout
