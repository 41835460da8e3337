# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's defaults, argument_specs, README and templates say the same."""

from __future__ import annotations

import re
from fnmatch import fnmatch

import pytest
from house_tree import ROLE_IDS, ROLES, load, tool

tables = tool("role_tables")
each_role = pytest.mark.parametrize("role", ROLES, ids=ROLE_IDS)
TEMPLATE = re.compile(r"[\w./*-]+\.j2")


def specs(role):
    return load(role / "meta" / "argument_specs.yml")["argument_specs"]


def spec_options(role):
    return tables.options(role)


@each_role
def test_defaults_and_argument_specs_name_the_same_variables(role):
    with_default = {name for name, option in spec_options(role).items() if "default" in option}
    assert set(load(role / "defaults" / "main.yml")) == with_default


@each_role
def test_defaults_and_argument_specs_have_equal_values(role):
    defaults = load(role / "defaults" / "main.yml")
    expected = {name: option["default"] for name, option in spec_options(role).items() if "default" in option}
    different = {name: (defaults[name], value) for name, value in expected.items() if defaults.get(name) != value}
    assert not different


@each_role
def test_every_option_is_described_with_a_type(role):
    lacking = [name for name, option in spec_options(role).items() if not {"type", "description"} <= set(option)]
    assert not lacking


@each_role
def test_every_entry_point_has_a_task_file(role):
    lacking = [entry for entry in specs(role) if not (role / "tasks" / f"{entry}.yml").is_file()]
    assert not lacking


@each_role
def test_every_variable_carries_the_role_name(role):
    names = {*spec_options(role), *load(role / "defaults" / "main.yml")}
    for path in (role / "vars").glob("*.yml"):
        names |= set(load(path))
    stray = sorted(name for name in names if not name.removeprefix("__").startswith(f"{role.name}_"))
    assert not stray


@each_role
def test_readme_table_is_current(role):
    readme = (role / "README.md").read_text(encoding="utf-8")
    assert tables.current(readme, role) == readme, "run: make docs"


@each_role
def test_every_template_is_rolled_out(role):
    templates = {str(path.relative_to(role / "templates")) for path in (role / "templates").rglob("*.j2")}
    sources = [path for part in ("tasks", "vars", "defaults", "templates") for path in (role / part).rglob("*.*")]
    patterns = {name for path in sources for name in TEMPLATE.findall(path.read_text(encoding="utf-8"))}
    unused = [name for name in templates if not any(fnmatch(name, pattern) for pattern in patterns)]
    assert not unused


@each_role
def test_no_loose_end_in_role_files(role):
    words = re.compile(r"\bTODO\b|\bFIXME\b|\bXXX\b|\bignore_errors\b|:latest\b|\bversion: latest\b")
    bad = [
        f"{path.name}: {found.group()}"
        for path in role.rglob("*")
        if path.is_file() and path.suffix in {".yml", ".j2", ".md"}
        for found in [words.search(path.read_text(encoding="utf-8"))]
        if found
    ]
    assert not bad
