# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module's examples are tasks that the module takes: names, types and choices of all options."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from house_tree import ROOT

NAME = "openhands.gpu_observability."
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
FILLED: dict[str, Any] = {"list": [], "dict": {}, "bool": True, "int": 1, "float": 1.0}
KEYS = ("type", "elements", "required", "choices", "aliases")


@cache
def documented() -> dict[str, Any]:
    """What ansible-doc says of all modules, fragments included."""
    command = [str(Path(sys.executable).with_name("ansible-doc")), "--json", "-t", "module"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(
        [*command, *(NAME + module for module in MODULES)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def argument_spec(options: dict[str, Any]) -> dict[str, Any]:
    """An argument specification from documented options."""
    made: dict[str, Any] = {}
    for name, option in options.items():
        made[name] = {key: option[key] for key in KEYS if key in option}
        if option.get("suboptions"):
            made[name]["options"] = argument_spec(option["suboptions"])
    return made


def filled(value: Any, spec: dict[str, Any]) -> Any:
    """Give what is a template a value of the option's type; what it would be isn't known here."""
    if isinstance(value, str) and "{{" in value:
        return FILLED.get(spec.get("type", "str"), "x")
    return value


def examples(module: str) -> list[dict[str, Any]]:
    """The tasks of a module's examples."""
    tree = ast.parse((ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            return yaml.safe_load(ast.literal_eval(node.value))  # type: ignore[no-any-return]
    return []


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_tasks_that_the_module_takes(module):
    spec = argument_spec(documented()[NAME + module]["doc"]["options"])
    used = [task for task in examples(module) if NAME + module in task]
    assert used
    for task in used:
        assert task["name"][0].isupper()
        given = task[NAME + module] or {}
        arguments = {name: filled(value, spec.get(name, {})) for name, value in given.items()}
        faults = ArgumentSpecValidator(spec).validate(arguments).error_messages
        assert not faults, f"{task['name']}: {faults}"


@pytest.mark.parametrize("module", MODULES)
def test_every_return_key_is_described_with_type_and_occasion(module):
    def lacking(keys, where, top):
        for name, key in keys.items():
            if not {"description", "type"} <= set(key) or (top and "returned" not in key):
                yield f"{where}{name}"
            yield from lacking(key.get("contains") or {}, f"{where}{name}.", False)

    assert not list(lacking(documented()[NAME + module]["return"] or {}, "", True))
