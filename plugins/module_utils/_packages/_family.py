# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a package manager must be able to do for a transaction, and what is remembered before one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Protocol, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Change,
    Done,
    Module,
    Request,
    Versions,
)


@dataclass(frozen=True)
class Solution:
    """A transaction that the solver found, and the exact version of each wanted package."""

    changes: Tuple[Change, ...] = ()
    exact: Versions = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """The host's packages and our settings for them, as they are."""

    installed: Versions
    held: Tuple[str, ...] = ()
    automatic: Tuple[str, ...] = ()
    leftovers: Tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> Dict[str, Any]:
        """Everything but the list of packages, which is long and no help later."""
        return {"held": list(self.held), "automatic": list(self.automatic), "files": dict(self.files)}


class Family(Protocol):
    """apt or dnf. Every method raises PackageError where it can't do what it should."""

    name: str

    def wait(self) -> None:
        """Wait for other package managers, for a bounded time."""

    def broken(self) -> List[str]:
        """What an earlier run left half done, one line each."""

    def repair(self) -> List[str]:
        """Finish or undo it; says what was done."""

    def refresh(self) -> List[str]:
        """Fetch the package lists, if they are old; what couldn't be fetched, one line each."""

    def state(self) -> State:
        """What is installed and held."""

    def solve(self, request: Request) -> Solution:
        """Find the transaction without changing anything. Refuses with what can't be had."""

    def compare(self, left: str, right: str) -> int:
        """Order of two versions."""

    def drift(self, request: Request, solution: Solution) -> List[str]:
        """Settings (pins, holds) that are not as asked, one line each."""

    def fetch(self, request: Request, solution: Solution) -> List[str]:
        """Download everything, the versions before included; names those that can't be had any more."""

    def obtain(self, versions: Mapping[str, str]) -> List[str]:
        """Have these versions at hand; names those that can't be had, as ``name=version``."""

    def unpack(self, solution: Solution, folder: str) -> List[Module]:
        """Unpack the module sources that the transaction brings; answers the modules."""

    def settle(self, request: Request) -> None:
        """Write the settings that come before the transaction."""

    def apply(self, request: Request, solution: Solution) -> Done:
        """Run the transaction. The outcome is judged by what is installed after it."""

    def lock(self, request: Request) -> None:
        """Hold what is to be held, and nothing else of the driver."""

    def modules(self, names: Sequence[str]) -> List[Module]:
        """The DKMS modules of installed packages."""

    def prune(self, changes: Sequence[Change]) -> None:
        """Delete downloads that no way back needs."""

    def restore(self, changes: Sequence[Change], before: State) -> List[str]:
        """Bring every changed package back to its old version; answers what remains to be done by hand."""
