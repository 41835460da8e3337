# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render role templates the way a rollout does, from role defaults and chosen variables, without a play."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _render

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "roles"


@cache
def _plugins() -> None:
    if AnsibleCollectionConfig.collection_finder is None:
        init_plugin_loader([str(ROOT / ".collections")])


def role_variables(role: str) -> dict[str, Any]:
    """Defaults and vars of a role and of `platform`, on which every role depends."""
    loader = DataLoader()
    found: dict[str, Any] = {"role_path": str(ROLES / role), "role_name": role}
    for name in dict.fromkeys(["platform", role]):
        for part in ("defaults", "vars"):
            path = ROLES / name / part / "main.yml"
            if path.exists():
                found |= loader.load_from_file(str(path), trusted_as_template=True) or {}
    return found


def load_vars(role: str) -> dict[str, Any]:
    """The internal variables of a role, as they stand in its file."""
    return dict(DataLoader().load_from_file(str(ROLES / role / "vars" / "main.yml")))


def variables_of_inventory(*files: Path) -> dict[str, Any]:
    """Variables of inventory files, trusted as templates."""
    loader = DataLoader()
    found: dict[str, Any] = {}
    for path in files:
        found |= loader.load_from_file(str(path), trusted_as_template=True) or {}
    return found


def render(role: str, template: str, variables: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The objects of one template of a role, by the renderer that a rollout uses."""
    variables = dict(variables or {})
    key = (role, template, repr(sorted(variables.items())))
    if key not in _rendered:
        _rendered[key] = _render_now(role, template, variables)
    return deepcopy(_rendered[key])


_rendered: dict[tuple[str, str, str], list[dict[str, Any]]] = {}


def _render_now(role: str, template: str, variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    _plugins()
    known = role_variables(role) | variables
    templar = Templar(loader=DataLoader(), variables=known)
    manifests = _render.render(templar, [template], str(ROLES / role / "templates"), known)
    return [manifest.body for manifest in manifests]


def template_text(role: str, text: str, variables: Mapping[str, Any] | None = None) -> str:
    """A text of a role, such as a variable of it, with its variables filled in."""
    _plugins()
    known = role_variables(role) | dict(variables or {})
    return str(Templar(loader=DataLoader(), variables=known).template(trust_as_template(text)))


def templates(role: str) -> list[str]:
    """Names of a role's templates that hold manifests."""
    return sorted(path.name for path in (ROLES / role / "templates").glob("*.yaml.j2"))
