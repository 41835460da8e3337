# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse misspelt role variables, on the controller, where all variables are visible."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Set

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.openhands.gpu_observability.plugins.module_utils._variables import (
    sentence,
    unknown_variables,
)

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Eight times as fast as the other: every host of a play reads all roles."""

ROLES = Path(__file__).resolve().parents[2] / "roles"
ARGUMENT_SPEC = {
    "foreign": {"type": "list", "elements": "str", "default": []},
}


def _mapping(path: Path) -> Dict[str, Any]:
    if not path.is_file():
        return {}
    return yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER) or {}  # noqa: S506 (a safe one either way)


def _names(role: Path) -> Iterator[str]:
    """Every variable of a role: its options, its defaults, and what it computes."""
    for entry in _mapping(role / "meta" / "argument_specs.yml").get("argument_specs", {}).values():
        yield from entry.get("options", {})
    yield from _mapping(role / "defaults" / "main.yml")
    for path in sorted((role / "vars").glob("*.yml")):
        yield from _mapping(path)


def known_variables(roles: Path = ROLES) -> Dict[str, Set[str]]:
    """Role -> its variables, for every role of the collection."""
    return {role.name: set(_names(role)) for role in sorted(roles.iterdir()) if (role / "tasks").is_dir()}


def place(value: object) -> str:
    """File and line of a value, where this Ansible remembers them."""
    try:
        from ansible._internal._datatag._tags import Origin  # noqa: PLC0415 - not public, so it may go away
    except ImportError:
        return ""
    origin = Origin.get_tag(value)
    return str(origin) if origin is not None else ""


class ActionModule(ActionBase):
    """Compares the variables set for this host with those the roles know."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
        """Fail with one line per unknown variable."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(ARGUMENT_SPEC)
        variables = task_vars or {}
        known = known_variables()
        unknown = unknown_variables(variables, known, options["foreign"])
        if unknown:
            lines = [sentence(item, place(variables[item.name])) for item in unknown]
            advice = (
                "A variable of another tool that carries one of our prefixes belongs in platform_foreign_variables."
            )
            raise AnsibleActionFail("\n".join(["Unknown variables:", *(f"  {line}" for line in lines), advice]))
        result.update(changed=False, checked=sum(len(names) for names in known.values()))
        return result
