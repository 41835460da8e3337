# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The services that hold a GPU, in the order they stop. Data, and what is stopped and started of it. Pure.

Users of the driver come before what they use. NVIDIA/mig-parted, deployments/systemd/hooks.sh stops nvsm and
nvidia-dcgm; NVIDIA/nvidia-container-toolkit, deployments/systemd/nvidia-cdi-refresh.{path,service}: the path unit fires
on a change of modules.dep and its service loads the modules again, so both are masked while the driver moves.
The fabric manager's start script starts nvlsm by itself (see _driver.settings); it is here for hosts with a unit of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List, Sequence, Tuple

REFRESH_PATH, REFRESH = "nvidia-cdi-refresh.path", "nvidia-cdi-refresh.service"
TABLE: Tuple[str, ...] = (
    "nvidia-dcgm-exporter.service",
    "dcgm-exporter.service",
    "nvidia-dcgm.service",
    "nvsm.service",
    "nvsm-core.service",
    REFRESH_PATH,
    REFRESH,
    "nvidia-mig-manager.service",
    "nvidia-imex.service",
    "nvidia-fabricmanager.service",
    "nvlsm.service",
    "nvidia-persistenced.service",
)
WOKEN_BY_CHANGES: Tuple[str, ...] = (REFRESH_PATH, REFRESH)
"""Units that would load the old modules again by themselves."""

ESSENTIAL = frozenset({"nvidia-imex.service", "nvidia-fabricmanager.service", "nvidia-persistenced.service"})
"""Without these a GPU can't be used as it was; that another doesn't start is said and no failure."""

RUNNING = frozenset({"active", "activating", "reloading"})
_SUFFIXES = (".service", ".path", ".socket", ".timer", ".target", ".mount")


@dataclass(frozen=True)
class Unit:
    """One unit as ``systemctl show`` tells it."""

    name: str
    load: str = "loaded"
    active: str = "inactive"

    @property
    def there(self) -> bool:
        """Whether systemd knows the unit."""
        return self.load != "not-found"


def order(more: Iterable[str]) -> List[str]:
    """All units in the order they stop: the user's come first, they use what ours provide."""
    named = [name if name.endswith(_SUFFIXES) else name + ".service" for name in more]
    return list(dict.fromkeys([*named, *TABLE]))


def parse(text: str, names: Sequence[str]) -> List[Unit]:
    """Read ``systemctl show -p Id,LoadState,ActiveState`` of ``names``: a paragraph for each, in their order."""
    found = []
    paragraphs = text.strip("\n").split("\n\n")
    for name, paragraph in zip(names, paragraphs):
        said: Dict[str, str] = dict(line.split("=", 1) for line in paragraph.splitlines() if "=" in line)
        found.append(Unit(name, said.get("LoadState", ""), said.get("ActiveState", "")))
    return found


def running(units: Iterable[Unit]) -> List[str]:
    """Those that run, in the order they stop."""
    return [unit.name for unit in units if unit.active in RUNNING]


def maskable(units: Iterable[Unit]) -> List[str]:
    """Those that are kept from starting while the driver moves."""
    return [unit.name for unit in units if unit.name in WOKEN_BY_CHANGES and unit.load in ("loaded", "masked")]


def to_start(stopped: Iterable[str], wanted: Iterable[str], more: Iterable[str]) -> List[str]:
    """What is started, in order: what ran before and what the plan names; the CDI spec is always made anew."""
    names = set(stopped) | set(wanted)
    if REFRESH_PATH in names:
        names.add(REFRESH)
    known = order([*more, *sorted(names - set(TABLE) - set(more))])
    return [name for name in reversed(known) if name in names]
