# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories people copy are ones the roles understand."""

from __future__ import annotations

import json
import subprocess

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._variables import unknown_variables
from house_tree import ROLES, ROOT, load, tool

tables = tool("role_tables")
INVENTORIES = ("lab", "example")
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def known():
    found = {}
    for role in ROLES:
        found[role.name] = {*tables.options(role), *load(role / "defaults" / "main.yml")}
        for path in (role / "vars").glob("*.yml"):
            found[role.name] |= set(load(path))
    return found


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_every_variable_of_an_inventory_is_known(inventory):
    listed = run("ansible-inventory", "-i", f"inventories/{inventory}", "--list")
    assert listed.returncode == 0, listed.stderr
    hostvars = json.loads(listed.stdout)["_meta"]["hostvars"]
    names = {name for variables in hostvars.values() for name in variables}
    assert names
    assert unknown_variables(names, known()) == []


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbooks_are_well_formed(playbook):
    checked = run("ansible-playbook", "--syntax-check", "-i", "inventories/example", f"playbooks/{playbook}.yml")
    assert checked.returncode == 0, checked.stderr + checked.stdout


def test_site_is_the_collection_s_site():
    assert load(ROOT / "site.yml")[0]["ansible.builtin.import_playbook"] == "playbooks/site.yml"


def test_there_is_no_default_inventory():
    configured = (ROOT / "ansible.cfg").read_text("utf-8")
    assert "inventory =" not in configured
    assert "inventory=" not in configured
