# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What is known of one GPU host, as JSON-able dictionaries."""

from __future__ import annotations

from typing import Dict, List, Optional, TypedDict


class Unread(TypedDict):
    """A file that is there and could not be read or understood."""

    path: str
    reason: str


class OperatingSystem(TypedDict):
    """What /etc/os-release says; ``major`` is 0 where the version is no number."""

    id: str
    like: List[str]
    version: str
    major: int
    codename: str
    name: str


GpuWithClass = TypedDict(
    "GpuWithClass",
    {
        "address": str,
        "device": str,
        "subsystem_vendor": str,
        "subsystem_device": str,
        "class": str,
        "generation": str,
        "model": str,
        "numa_node": int,
        "iommu_group": Optional[int],
        "driver": str,
        "virtual_function": bool,
        "responding": bool,
    },
)
"""One GPU on the PCI bus. ``responding`` is false where its configuration space reads as all ones."""


class Switch(TypedDict):
    """One NVSwitch on the PCI bus."""

    address: str
    device: str
    driver: str


class InstalledKernel(TypedDict):
    """A kernel on disk. ``image`` is false for one whose modules or headers are there without it."""

    release: str
    headers: bool
    image: bool


class Kernel(TypedDict):
    """The kernels of a host; ``next`` is a best guess."""

    running: str
    next: str
    installed: List[InstalledKernel]


class Nouveau(TypedDict):
    """The free driver that gets in the way."""

    loaded: bool
    blacklisted: bool


class Driver(TypedDict):
    """The versions that must agree; "" where there is none or it is not known."""

    loaded: str
    on_disk: str
    on_disk_next: str
    userland: str
    userland_versions: List[str]
    firmware: List[str]
    flavour: str
    loaded_flavour: str
    containerised: bool


class LoadedModule(TypedDict):
    """A module in the kernel; ``refcount`` is -1 where the kernel does not tell."""

    refcount: int
    holders: List[str]


class ModuleOption(TypedDict):
    """A value that modprobe hands to a module, and the file that says so."""

    module: str
    option: str
    value: str
    file: str


class Settings(TypedDict):
    """How the driver is set up; ``persistence`` is None where no daemon runs."""

    files: Dict[str, str]
    options: List[ModuleOption]
    parameters: Dict[str, Dict[str, str]]
    persistence: Optional[bool]
    stale_images: List[str]


class Dkms(TypedDict):
    """One DKMS module for one kernel; ``kernel`` is "" for a version that is built for none."""

    module: str
    version: str
    kernel: str
    architecture: str
    state: str
    built: bool
    path: str


class Mig(TypedDict):
    """MIG of one GPU (its PCI address); ``enabled`` is None where procfs cannot tell."""

    gpu: str
    enabled: Optional[bool]
    instances: int


class User(TypedDict):
    """An open handle on a device of the driver."""

    pid: int
    command: str
    device: str
    unit: str
    pod: str


class Host(TypedDict):
    """Everything gpu_info says of a host."""

    os: OperatingSystem
    architecture: str
    gpus: List[GpuWithClass]
    generations: List[str]
    nvswitches: List[Switch]
    nvlink5: bool
    coherent: bool
    vgpu_guest: bool
    vgpu_host: bool
    passthrough: bool
    secure_boot: str
    signatures_enforced: bool
    kernel: Kernel
    nouveau: Nouveau
    driver: Driver
    modules: Dict[str, LoadedModule]
    settings: Settings
    dkms: List[Dkms]
    mig: List[Mig]
    users: List[User]
    expected_gpus: Optional[int]
    found_gpus: int
    unread: List[Unread]
