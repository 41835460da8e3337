# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules, actions and playbooks fit together."""

from __future__ import annotations

import ast

import pytest
import yaml
from house_tree import ROOT, load

MODULES = {path.stem: path for path in sorted((ROOT / "plugins" / "modules").glob("*.py"))}
ACTIONS = {path.stem for path in (ROOT / "plugins" / "action").glob("[!_]*.py")}
GROUP = load(ROOT / "meta" / "runtime.yml")["action_groups"]["kubernetes"]
FILTERS = {path.stem for path in (ROOT / "plugins" / "filter").glob("*.py")}


def documentation(path):
    """The DOCUMENTATION of a module, without importing it."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION":
            return yaml.safe_load(ast.literal_eval(node.value))
    return {}


DOCUMENTED = {name: documentation(path) for name, path in MODULES.items()}


def takes_connection(document):
    return "openhands.gpu_observability.connection" in document.get("extends_documentation_fragment", [])


def test_every_module_with_connection_options_is_in_the_action_group():
    assert {name for name, document in DOCUMENTED.items() if takes_connection(document)} == set(GROUP)


def test_every_action_is_documented_by_a_module():
    assert sorted(ACTIONS - set(MODULES)) == []


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is(name):
    document = DOCUMENTED[name]
    assert document["module"] == name
    assert document["version_added"] == "0.1.0"
    assert not document["short_description"].endswith(".")


def test_every_filter_is_documented():
    undocumented = [
        name
        for name in FILTERS
        if not (ROOT / "plugins" / "filter" / f"{name}.yml").is_file()
        and "DOCUMENTATION" not in (ROOT / "plugins" / "filter" / f"{name}.py").read_text("utf-8")
    ]
    assert not undocumented


def test_modules_are_shown_with_examples_and_results():
    lacking = [
        name for name, path in MODULES.items() if not {"EXAMPLES", "RETURN"} <= set(path.read_text("utf-8").split())
    ]
    assert not lacking
