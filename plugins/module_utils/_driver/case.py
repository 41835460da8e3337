# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One host and its wish, as the checks look at them, and what a check says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Iterable, Iterator, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import known_bad, table
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.distros import Distro
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.host import Host
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.wish import Wish

BRANCH, SOURCE, FLAVOUR = "nvidia_driver_branch", "nvidia_driver_source", "nvidia_driver_flavour"


@dataclass(frozen=True)
class Refusal:
    """Why not, and what to do. ``code`` is stable: ``accept`` takes it, where ``firm`` is false."""

    code: str
    reason: str
    fix: str
    firm: bool = True

    def result(self) -> Dict[str, str]:
        """The refusal as a plan shows it."""
        return {"code": self.code, "reason": self.reason, "fix": self.fix}


@dataclass(frozen=True)
class Case:
    """All that a check looks at.

    ``version``: what it comes to, where that is known. ``coming``: kernels whose headers would be installed.
    """

    host: Host
    wish: Wish
    distro: Optional[Distro]
    flavour: str
    version: str = ""
    coming: Tuple[str, ...] = ()

    @property
    def row(self) -> Optional[table.Row]:
        """The table's row, where there is one."""
        if self.distro is None:
            return None
        wish, distro = self.wish, self.distro
        return table.find(
            distro.family,
            distro.major,
            source=wish.source,
            branch=wish.number,
            flavour=self.flavour,
            kind=wish.kind,
        )


Check = Callable[[Case], Iterator[Refusal]]


def choice(case: Case) -> known_bad.Choice:
    """What the table of known faults is asked with."""
    wish = case.wish
    dkms = case.row is None or case.row.dkms
    releases = tuple(dict.fromkeys((case.host.running, case.host.next, *case.coming))) if dkms else ()
    return known_bad.Choice(
        case.host, wish.source, wish.number, wish.version or case.version, flavour=case.flavour, kernels=releases
    )


def listed(names: Iterable[str]) -> str:
    """Names in a sentence."""
    return " and ".join(sorted(names))
