# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the table of variables in every role's README from its argument_specs (make docs).

The table is the section "## Variables"; everything else in the file is left alone. tests/consistency holds it current.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).resolve().parent.parent / "roles"
HEADING = "## Variables"
TOP = ("| variable | type | default | meaning |", "| --- | --- | --- | --- |")


def options(role: Path) -> dict[str, Any]:
    """The options of all entry points of a role; `main` first, a name counts once."""
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    merged: dict[str, Any] = {}
    for _entry, spec in sorted(specs.items(), key=lambda item: item[0] != "main"):
        for name, option in (spec.get("options") or {}).items():
            merged.setdefault(name, option)
    return merged


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _default(option: dict[str, Any]) -> str:
    if option.get("required"):
        return "required"
    if "default" not in option:
        return ""
    value = option["default"]
    if isinstance(value, str):
        return f"`{_cell(value)}`" if value else '`""`'
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**9, allow_unicode=True)
    return f"`{_cell(text.strip().removesuffix('...').strip())}`"


def _type(option: dict[str, Any]) -> str:
    kind = str(option.get("type", "str"))
    return f"list of {option['elements']}" if kind == "list" and "elements" in option else kind


def _meaning(option: dict[str, Any]) -> str:
    description = option["description"]
    text = description if isinstance(description, str) else " ".join(description)
    choices = option.get("choices")
    said = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
    return _cell(text) + said


def table(role: Path) -> str:
    """The rows of a role's variables, in the order of its argument_specs."""
    rows = [
        f"| `{name}` | {_type(option)} | {_default(option)} | {_meaning(option)} |"
        for name, option in options(role).items()
    ]
    return "\n".join([*TOP, *rows])


def current(readme: str, role: Path) -> str:
    """The README as it should be: its table of variables written anew."""
    before, found, after = readme.partition(f"\n{HEADING}\n")
    _old, next_heading, rest = after.partition("\n## ")
    tail = next_heading + rest if found else ""
    return f"{before.rstrip()}\n\n{HEADING}\n\n{table(role)}\n{tail}"


def main() -> int:
    """Rewrite what is out of date and name it."""
    for role in sorted(path.parent.parent for path in ROLES.glob("*/meta/argument_specs.yml")):
        readme = role / "README.md"
        old = readme.read_text(encoding="utf-8") if readme.exists() else f"# {role.name}\n"
        new = current(old, role)
        if new != old:
            readme.write_text(new, encoding="utf-8")
            print(f"docs: wrote the variables of {role.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
