# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Stop what holds the driver, unload and load it, start what was stopped. Never by force."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload import (
    _mig,
    _modules,
    _record,
    _services,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import Machine, ReloadError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._systemd import Units

Facts = Mapping[str, Any]
"""``host`` of gpu_info."""

PAUSE = 1.0
UNLOAD, LOAD = 120.0, 180.0
"""Seconds for one module: a GPU that is woken up takes its time."""


@dataclass(frozen=True)
class Wishes:
    """Options. ``services``: more units that hold a GPU; ``wanted``: units that run afterwards in any case."""

    folder: str
    services: Sequence[str] = ()
    wanted: Sequence[str] = ()
    wait: float = 30
    check: bool = False


@dataclass
class Result:
    """What was done. ``holders``: who is in the way."""

    stopped: List[str] = field(default_factory=list)
    started: List[str] = field(default_factory=list)
    not_started: List[str] = field(default_factory=list)
    unloaded: List[str] = field(default_factory=list)
    loaded: List[str] = field(default_factory=list)
    holders: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    mig_restored: bool = False
    mig: Any = None
    uptime: float = 0

    @property
    def changed(self) -> bool:
        """Whether anything moved."""
        return bool(self.stopped or self.started or self.unloaded or self.loaded or self.mig_restored)

    def facts(self) -> Dict[str, Any]:
        """As the module returns it."""
        return {"changed": self.changed, "reboot_required": bool(self.holders), **self.__dict__}


class Steps:
    """The three steps on one host. look: gives the facts of the host as they are now."""

    def __init__(
        self,
        machine: Machine,
        look: Callable[[], Facts],
        wishes: Wishes,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._machine, self._look, self._wishes = machine, look, wishes
        self._sleep, self._clock = sleep, clock
        self._units = Units(machine)
        self.result = Result()

    def stop(self) -> None:
        """Remember what runs, then stop it. Says who holds a GPU still."""
        units = self._units.look(_services.order(self._wishes.services))
        running = _services.running(units)
        facts = self._look()
        if not self._wishes.check:
            old = _record.read(self._wishes.folder)
            # What an earlier run saw is the true one: it may have been ended while it put the layout back.
            seen = old["mig"] is not None or not facts["driver"]["loaded"]
            layout = None if seen else _mig.record(self._machine, self._wishes.folder)
            _record.write(self._wishes.folder, _record.merged(old, running, _modules.present(facts["modules"]), layout))
            self._units.mask(_services.maskable(units))
            self._units.stop(running)
        self.result.stopped = running
        self.result.holders = [] if self._wishes.check else self._still_held()

    def unload(self) -> None:
        """Take the modules out, those that use others first. Where one is held, nothing more is tried."""
        facts = self._look()
        names = _modules.present(facts["modules"])
        if self._wishes.check:
            self.result.unloaded = names
            return
        held = self._still_held()
        if held:
            self.result.holders = held
            return
        for name in names:
            done = self._machine.run(["rmmod", name], UNLOAD)
            if done.code:
                self.result.holders = [done.said, *_modules.users(self._look().get("users") or [])]
                return
            self.result.unloaded.append(name)

    def load(self) -> None:
        """Load what computing needs and what was loaded before. Raises ReloadError where the driver doesn't load."""
        there = self._look()["modules"]
        before = [] if self._wishes.check else _record.read(self._wishes.folder)["modules"]
        for name in _modules.to_load([*before, *self.result.unloaded]):
            if name in there and name not in self.result.unloaded:
                continue
            if self._wishes.check:
                self.result.loaded.append(name)
                continue
            done = self._machine.run(["modprobe", name], LOAD)
            if done.code == 0:
                self.result.loaded.append(name)
            elif name in _modules.ALWAYS:
                text = "the module %s doesn't load: %s. The kernel's log (dmesg) says more."
                raise ReloadError(text % (name, done.said))
            else:
                self.result.notes.append("%s was loaded before and doesn't load: %s" % (name, done.said))

    def start(self) -> None:
        """Put MIG back, start what ran before and what the plan names, and forget. Raises ReloadError."""
        record = _record.read(self._wishes.folder)
        self.result.mig = record["mig"]
        names = _services.to_start(record["services"], self._wishes.wanted, self._wishes.services)
        units = {unit.name: unit for unit in self._units.look(names)} if names else {}
        asleep = [name for name in names if name in units and units[name].active not in _services.RUNNING]
        asleep = [name for name in asleep if units[name].there or name in record["services"]]
        if self._wishes.check:
            self.result.started = asleep
            return
        self._units.unmask(_services.WOKEN_BY_CHANGES if self._masked() else ())
        first = [name for name in asleep if name in _services.ESSENTIAL]
        failed = self._units.start(first)
        self.result.mig_restored = _mig.restore(self._machine, record["mig"], self._wishes.folder)
        failed += self._units.start([name for name in asleep if name not in first])
        names_failed = [name for name, _said in failed]
        self.result.started = [name for name in asleep if name not in names_failed]
        self.result.not_started = ["%s: %s" % one for one in failed]
        essential = [one for one in failed if one[0] in _services.ESSENTIAL]
        if essential:
            raise ReloadError("%s doesn't start: %s" % essential[0])
        _record.forget(self._wishes.folder)

    def _masked(self) -> bool:
        return any(unit.load == "masked" for unit in self._units.look(_services.WOKEN_BY_CHANGES))

    def _still_held(self) -> List[str]:
        """Who holds a GPU after a while of waiting: a pod that ends takes some seconds."""
        until = self._clock() + self._wishes.wait
        while True:
            facts = self._look()
            stuck = _modules.stuck(facts["modules"])
            users = facts.get("users") or []
            if not stuck and not users:
                return []
            if self._clock() >= until:
                return _modules.users(users) or [_modules.why(name, facts["modules"][name]) for name in stuck]
            self._sleep(PAUSE)
