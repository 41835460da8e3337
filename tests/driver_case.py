# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of GPU hosts as gpu_info gives them, made in a line: what a driver is planned from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import host as hosts
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import plan as plans
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import settings
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import wish as wishes
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host

SYSTEMS = {
    "ubuntu22": ("ubuntu", "22.04", "5.15.0-157-generic"),
    "ubuntu24": ("ubuntu", "24.04", "6.8.0-84-generic"),
    "debian12": ("debian", "12", "6.1.0-40-amd64"),
    "debian13": ("debian", "13", "6.12.107+deb13-amd64"),
    "rhel9": ("rhel", "9.6", "5.14.0-570.42.2.el9_6.x86_64"),
    "rocky9": ("rocky", "9.6", "5.14.0-570.42.2.el9_6.x86_64"),
    "alma9": ("almalinux", "9.6", "5.14.0-570.42.2.el9_6.x86_64"),
    "oracle9": ("ol", "9.6", "5.14.0-570.42.2.el9_6.x86_64"),
    "rhel10": ("rhel", "10.0", "6.12.0-55.32.1.el10_0.x86_64"),
    "rocky10": ("rocky", "10.0", "6.12.0-55.32.1.el10_0.x86_64"),
    "sles15": ("sles", "15.6", "6.4.0-150600.23.65-default"),
}
VERSION = "580.95.05"


def facts(system: str = "ubuntu24", generation: str | tuple[str, ...] = "ampere", **more: Any) -> dict[str, Any]:
    """A host with GPUs and no driver. ``kernel`` and ``next`` are releases; any other key replaces the fact."""
    name, version, release = SYSTEMS[system]
    generations = (generation,) if isinstance(generation, str) else generation
    architecture = more.pop("architecture", "x86_64")
    if architecture == "aarch64":
        release = release.replace("amd64", "arm64").replace("x86_64", "aarch64")
    running = more.pop("kernel", release)
    following = more.pop("next", running)
    found: dict[str, Any] = {
        "os": {"id": name, "version": version, "major": int(version.partition(".")[0]), "name": f"{name} {version}"},
        "architecture": architecture,
        "gpus": [
            {"address": f"0000:{number:02x}:00.0", "generation": one, "virtual_function": False}
            for number, one in enumerate(generations)
        ],
        "generations": sorted(set(generations)),
        "nvswitches": [],
        "nvlink5": False,
        "coherent": False,
        "vgpu_guest": False,
        "passthrough": False,
        "secure_boot": "disabled",
        "kernel": {
            "running": running,
            "next": following,
            "installed": [{"release": one, "headers": True} for one in dict.fromkeys((running, following))],
        },
        "nouveau": {"loaded": False, "blacklisted": True},
        "driver": {"loaded": "", "on_disk": "", "userland": "", "flavour": "", "loaded_flavour": ""},
        "modules": {},
        "dkms": [],
        "mig": [],
        "users": [],
        "expected_gpus": None,
        "found_gpus": len(generations),
    }
    return {**found, **more}


def driven(version: str = VERSION, flavour: str = "open", **more: Any) -> dict[str, Any]:
    """A host with a whole driver, loaded. ``driver`` replaces some of its versions."""
    changed = more.pop("driver", {})
    made = facts(**more)
    same = {"loaded": version, "on_disk": version, "userland": version, "flavour": flavour, "loaded_flavour": flavour}
    kernels = dict.fromkeys((made["kernel"]["running"], made["kernel"]["next"]))
    built = [built_module(version, kernel) for kernel in kernels]
    modules = {"nvidia": {"refcount": 0, "holders": []}}
    return {
        **made,
        "driver": {**same, **changed},
        "dkms": more.get("dkms", built),
        "modules": more.get("modules", modules),
    }


def built_module(version: str, kernel: str, state: str = "installed", **more: Any) -> dict[str, Any]:
    """An entry of DKMS."""
    found = {"module": "nvidia", "version": version, "kernel": kernel, "architecture": "x86_64", "state": state}
    return {**found, "built": state == "installed", "path": "", **more}


def plan(host: dict[str, Any], changes: Any = None, repaired: Any = (), today: str = "", **wish: Any) -> dict[str, Any]:
    """The plan for a wish; options that aren't named have their defaults."""
    defaults = {key: option["default"] for key, option in wishes.OPTIONS.items()}
    return plans.plan(host, {**defaults, **wish}, changes=changes, repaired=repaired, today=today)


def installed(planned: dict[str, Any]) -> list[str]:
    """The names a plan installs."""
    return [one["name"] for one in planned["packages"]["install"]]


def codes(planned: dict[str, Any]) -> list[str]:
    """The codes a plan is blocked by."""
    return [one["code"] for one in planned["blocked"]]


def change(name: str, to: str, before: str = "") -> dict[str, str]:
    """One change of driver_packages."""
    return {"name": name, "from": before, "to": to}


def set_up(root: Path, **wish: Any) -> None:
    """Have a tree of files (gpu_trees) as the role leaves a host: its settings are written."""
    for path, text in settings.files(hosts.from_facts(_host.look(str(root))), wishes.from_options(wish)).items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
