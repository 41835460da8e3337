# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What gpu_info found on a host, as typed values. Missing facts read as "not there". Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, Mapping, Optional, Tuple

PRE_TURING = ("kepler", "maxwell", "pascal", "volta")
GENERATIONS = (*PRE_TURING, "turing", "ampere", "ada", "hopper", "blackwell")
"""Oldest first."""

Fact = Mapping[str, Any]


@dataclass(frozen=True)
class Kernel:
    """One installed kernel."""

    release: str
    headers: bool = False


@dataclass(frozen=True)
class Driver:
    """The three versions a host can disagree about; each empty where there is none.

    ``on_disk_next``: that of the module for the kernel of the next boot.
    """

    loaded: str = ""
    on_disk: str = ""
    on_disk_next: str = ""
    userland: str = ""
    flavour: str = ""
    loaded_flavour: str = ""

    @property
    def version(self) -> str:
        """What a person would call installed: what the next start of a module or program would use."""
        return self.on_disk or self.userland or self.loaded


@dataclass(frozen=True)
class Host:
    """The facts a plan is made of. The documentation of gpu_info says what each means.

    ``secure_boot``: modules must be signed, for whatever reason. ``silent``: GPUs that don't answer on the bus.
    ``settings``: None where the facts don't tell them.
    """

    os_id: str = ""
    os_major: int = 0
    os_version: str = ""
    os_name: str = ""
    architecture: str = "x86_64"
    gpus: Tuple[Fact, ...] = ()
    generations: FrozenSet[str] = frozenset()
    nvswitch: bool = False
    nvlink5: bool = False
    coherent: bool = False
    vgpu_guest: bool = False
    vgpu_host: bool = False
    passthrough: bool = False
    secure_boot: bool = False
    running: str = ""
    next: str = ""
    kernels: Tuple[Kernel, ...] = ()
    nouveau_loaded: bool = False
    driver: Driver = field(default_factory=Driver)
    modules: Mapping[str, Fact] = field(default_factory=dict)
    settings: Optional[Fact] = None
    dkms: Tuple[Fact, ...] = ()
    mixed_mig: bool = False
    users: Tuple[Fact, ...] = ()
    containerised: bool = False
    silent: Tuple[str, ...] = ()
    expected_gpus: int = 0
    found_gpus: int = 0

    @property
    def live(self) -> bool:
        """Whether somebody could be using a GPU of it now."""
        return bool(self.driver.loaded or self.users)

    @property
    def fabric(self) -> bool:
        """Whether GPUs talk through NVSwitches that this host looks after."""
        return (self.nvswitch or self.nvlink5) and not self.imex

    @property
    def imex(self) -> bool:
        """GB200 and GB300: the fabric is run by the switch trays, memory is shared with other hosts by nvidia-imex."""
        return self.coherent and "blackwell" in self.generations

    def has_headers(self, release: str) -> bool:
        """Whether the headers of that kernel are there."""
        return any(kernel.release == release and kernel.headers for kernel in self.kernels)


def from_facts(facts: Fact) -> Host:
    """Read the ``host`` of gpu_info."""
    system, kernel, driver = (_dict(facts.get(key)) for key in ("os", "kernel", "driver"))
    gpus = tuple(gpu for gpu in facts.get("gpus") or () if not gpu.get("virtual_function"))
    found = facts.get("generations") or sorted({str(gpu.get("generation") or "unknown") for gpu in gpus})
    modes = {bool(entry.get("enabled")) for entry in facts.get("mig") or () if entry.get("enabled") is not None}
    running = str(kernel.get("running") or "")
    return Host(
        os_id=str(system.get("id") or ""),
        os_major=int(system.get("major") or 0),
        os_version=str(system.get("version") or ""),
        os_name=str(system.get("name") or system.get("id") or ""),
        architecture=str(facts.get("architecture") or ""),
        gpus=gpus,
        generations=frozenset(found),
        nvswitch=bool(facts.get("nvswitches")),
        nvlink5=bool(facts.get("nvlink5")),
        coherent=bool(facts.get("coherent")),
        vgpu_guest=bool(facts.get("vgpu_guest")),
        vgpu_host=bool(facts.get("vgpu_host")),
        passthrough=bool(facts.get("passthrough")),
        secure_boot=facts.get("secure_boot") == "enabled" or bool(facts.get("signatures_enforced")),
        running=running,
        next=str(kernel.get("next") or running),
        kernels=tuple(Kernel(str(one["release"]), bool(one.get("headers"))) for one in kernel.get("installed") or ()),
        nouveau_loaded=bool(_dict(facts.get("nouveau")).get("loaded")),
        driver=_driver(driver),
        modules=_dict(facts.get("modules")),
        settings=facts.get("settings"),
        dkms=tuple(facts.get("dkms") or ()),
        mixed_mig=len(modes) > 1,
        users=tuple(facts.get("users") or ()),
        containerised=bool(driver.get("containerised")),
        silent=tuple(str(gpu.get("address")) for gpu in gpus if gpu.get("responding") is False),
        expected_gpus=int(facts.get("expected_gpus") or 0),
        found_gpus=int(facts["found_gpus"]) if facts.get("found_gpus") is not None else len(gpus),
    )


def _driver(facts: Fact) -> Driver:
    found = {key: str(facts.get(key) or "") for key in Driver.__dataclass_fields__}
    return Driver(**{**found, "on_disk_next": found["on_disk_next"] if "on_disk_next" in facts else found["on_disk"]})


def _dict(value: Any) -> Dict[str, Any]:
    return dict(value or {})
