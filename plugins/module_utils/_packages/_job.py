# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One run of driver_packages: what it is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _record
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._family import Family, State
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Change,
    Request,
    Runner,
)


@dataclass
class Job:
    """One run of the module.

    Attributes:
        family: The package manager.
        run: Runs a command.
        root: Where the host's files are.
        state_dir: Folder of the record and of downloaded packages.
        request: What shall be.
        check: Only look.
        prebuild: Try the build before anything is changed.
        running: Release of the running kernel.
        timeout: Seconds for one build, and for one run of the package manager.
        about: What the record says for people: wanted and previous version, source, flavour and kind.
    """

    family: Family
    run: Runner
    root: str
    state_dir: str
    request: Request
    check: bool = False
    prebuild: bool = True
    running: str = ""
    timeout: float = 3600
    about: Dict[str, Any] = field(default_factory=dict)
    result: Dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.result = {
            "changed": False,
            "changes": [],
            "settings": [],
            "rebuild": [],
            "repaired": [],
            "notes": [],
            "rolled_back": False,
            "compiler_error": "",
            "builds": [],
            "before": [],
            "irreversible": [],
            "record": _record.path(self.state_dir),
        }


def settings(before: State, changes: Sequence[Change]) -> Dict[str, Any]:
    """The part of the state before that a rollback needs."""
    names = {change.name for change in changes}
    body = before.to_json()
    body["automatic"] = [name for name in before.automatic if name in names]
    body["leftovers"] = [name for name in before.leftovers if name in names]
    return body
