# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What the inventory wants of a host's driver. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Mapping, Optional, Tuple

OPTIONS: Dict[str, Dict[str, Any]] = {
    "source": {"type": "str", "default": "vendor", "choices": ["vendor", "archive"]},
    "mirror": {"type": "str", "default": ""},
    "branch": {"type": "str", "default": "580"},
    "version": {"type": "str", "default": ""},
    "flavour": {"type": "str", "default": "auto", "choices": ["auto", "open", "proprietary"]},
    "kind": {"type": "str", "default": "compute", "choices": ["compute", "full"]},
    "reboot": {"type": "str", "default": "auto", "choices": ["auto", "never"]},
    "disruption": {"type": "bool", "default": False},
    "expected_gpus": {"type": "int", "default": 0},
    "module_options": {"type": "dict", "default": {}},
    "persistence": {"type": "bool", "default": True},
    "machine_owner_key": {"type": "bool", "default": False},
    "headers": {"type": "list", "elements": "str", "default": []},
    "accept": {"type": "list", "elements": "str", "default": []},
    "rollback": {"type": "bool", "default": False},
    "previous": {"type": "dict", "default": {}},
}
"""Argument specification of driver_plan's ``wish``; its documentation says what each means."""


@dataclass(frozen=True)
class Wish:
    """A checked wish: every option has its type and default."""

    source: str = "vendor"
    mirror: str = ""
    branch: str = "580"
    version: str = ""
    flavour: str = "auto"
    kind: str = "compute"
    reboot: str = "auto"
    disruption: bool = False
    expected_gpus: int = 0
    module_options: Mapping[str, Any] = field(default_factory=dict)
    persistence: bool = True
    machine_owner_key: bool = False
    headers: Tuple[str, ...] = ()
    accept: Tuple[str, ...] = ()
    rollback: bool = False
    previous: Mapping[str, Any] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The branch as a number; 0 where it is none."""
        return int(self.branch) if self.branch.isdigit() else 0


def from_options(options: Mapping[str, Any]) -> Wish:
    """Read the option ``wish`` (validated by OPTIONS); unknown keys are an error of the validation, not of this."""
    known = {key: options[key] for key in Wish.__dataclass_fields__ if options.get(key) is not None}
    for key in ("headers", "accept"):
        if key in known:
            known[key] = tuple(known[key])
    if "branch" in known:
        known["branch"] = str(known["branch"])
    return Wish(**known)


def effective(wish: Wish) -> Optional[Wish]:
    """The wish itself, or for a rollback the same with what was there before; None where that isn't known."""
    if not wish.rollback:
        return wish
    before = {key: str(wish.previous.get(key) or getattr(wish, key)) for key in ("source", "flavour", "kind")}
    version = str(wish.previous.get("version") or "")
    if not version:
        return None
    return replace(
        wish,
        branch=version.partition(".")[0],
        version=version,
        source=before["source"],
        flavour=before["flavour"],
        kind=before["kind"],
        # It ran here, and its packages are kept on the host: what a repository has today is no reason against it.
        accept=(*wish.accept, "branch_os", "known_bad"),
    )
