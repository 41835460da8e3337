# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A host's facts and wish in, its plan out: packages, repository, settings, and what is done at which price. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import (
    branches,
    decision,
    distros,
    kernels,
    known_bad,
    lockstep,
    pins,
    refusals,
    removals,
    repository,
    settings,
    state,
    table,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import (
    flavour as flavours,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import (
    host as hosts,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import (
    wish as wishes,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.case import Case, Refusal, choice
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.decision import Change
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.distros import Distro
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.host import Host
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.table import Row
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.wish import Wish

Plan = Dict[str, Any]


def plan(
    facts: Mapping[str, Any],
    options: Mapping[str, Any],
    changes: Optional[Sequence[Change]] = None,
    repaired: Sequence[str] = (),
    today: str = "",
) -> Plan:
    """Plan one host.

    Args:
        facts: ``host`` of gpu_info.
        options: The wish, as checked by wish.OPTIONS.
        changes: What driver_packages would change; None before it was asked.
        repaired: What it would repair.
        today: YYYY-MM-DD, to tell of branches that are no longer kept; empty says nothing about it.
    """
    host, asked = hosts.from_facts(facts), wishes.from_options(options)
    wish = wishes.effective(asked)
    skipped = _left_alone(host, asked)
    if skipped:
        return _idle(host, wish or asked, skipped=skipped)
    if wish is None:
        reason = Refusal(
            "rollback", "no version before this one is on record", "set nvidia_driver_version to the one to go back to"
        )
        return _idle(host, asked, blocked=[reason])
    distro = distros.find(host.os_id, host.os_major, host.os_version)
    flavour = flavours.choose(host, wish.number, wish.flavour)
    case = Case(host, wish, distro, flavour, coming=tuple(decision.coming_kernels(changes or (), host.architecture)))
    row = case.row
    names = _names(host, row, wish) if row is not None else []
    case = replace(case, version=decision.target(changes or (), names))
    blocked, notes = refusals.refusals(case)
    if not blocked and decision.foreign(host, changes, names):
        text = "the driver %s on this host came from no package" % host.driver.version
        blocked = [Refusal("foreign", text, "remove it with nvidia-uninstall (or as it came), then run again")]
    if blocked or distro is None or row is None:
        return _idle(host, replace(wish, flavour=flavour), blocked=blocked, notes=notes)
    decided = decision.decide(host, wish, flavour, decision.Asked(changes, repaired, names))
    notes += [*_notes(case, today), *decided.notes]
    return {
        "now": _now(host),
        "wanted": {**_wanted(wish, flavour), "version": decided.version},
        "packages": _packages(host, wish, distro, row, flavour),
        "repository": repository.vendor(distro, host.architecture, wish.mirror) if wish.source == "vendor" else None,
        "components": repository.components(distro, wish.source),
        "modprobe": settings.modprobe(host, wish),
        "files": [{"path": path, "content": text} for path, text in settings.files(host, wish).items()],
        "services": settings.services(host),
        "action": decided.action,
        "settings": list(decided.settings),
        "drain": decided.drain,
        "reload": decided.reload,
        "reboot": decided.reboot,
        "blocked": [],
        "pending": decided.pending,
        "skipped": "",
        "notes": notes,
    }


def _packages(host: Host, wish: Wish, distro: Distro, row: Row, flavour: str) -> Dict[str, Any]:
    versioned, beside = _names(host, row, wish), _beside(host, row, wish)
    meta = kernels.meta_flavour(distro, host.next) or ""
    moving = [name.format(branch=wish.branch, kernel_flavour=meta) for name in row.moving]
    pattern = pins.version_pattern(wish.branch, wish.version)
    # The solver's candidate under the pins is right by itself, but where dnf has no stream, or one version is wanted.
    version = pattern if wish.version or row.pin == table.VERSIONLOCK else ""
    pinning = pins.pinning_package(row, wish.branch, wish.version)
    install = [{"name": name, "version": "" if _KERNELS in name else version} for name in versioned]
    install += [{"name": name, "version": ""} for name in (*beside, *moving, *pinning)]
    return {
        "install": install,
        "remove": removals.removals(row, wish.number),
        "hold": versioned,
        "pins": pins.pins(distro, row, wish.branch, wish.version),
        "stream": pins.stream(row, wish.branch, flavour),
        "headers": _headers(host, wish, distro) if row.dkms else [],
    }


_KERNELS = "linux-modules-nvidia-"


def _names(host: Host, row: Row, wish: Wish) -> List[str]:
    """The packages that have the driver's version, or carry it for one kernel."""
    found = _rendered((*row.module, *row.userland), host, wish)
    return found + lockstep.names(host, row.family, row.source, wish.number, versioned=True)


def _beside(host: Host, row: Row, wish: Wish) -> List[str]:
    return [*row.beside, *lockstep.names(host, row.family, row.source, wish.number, versioned=False)]


def _rendered(names: Sequence[str], host: Host, wish: Wish) -> List[str]:
    """The names with branch and kernel put in: one for the running and one for the next kernel."""
    releases = dict.fromkeys((host.running, host.next))
    found = [name.format(branch=wish.branch, kernel=release) for release in releases for name in names]
    return list(dict.fromkeys(found))


def _headers(host: Host, wish: Wish, distro: Distro) -> List[str]:
    return list(wish.headers) or kernels.headers(distro, host.running, host.next)


def _left_alone(host: Host, wish: Wish) -> str:
    """Why a host is none of ours; empty where it is."""
    if host.passthrough:
        return "a GPU is bound to vfio-pci: this host passes its GPUs through to guests"
    if host.vgpu_host:
        return "NVIDIA's vGPU manager runs here: this host shares its GPUs with guests"
    if not host.found_gpus and not (wish.expected_gpus or host.expected_gpus):
        return "no NVIDIA GPU on the PCI bus"
    return ""


def _notes(case: Case, today: str) -> List[str]:
    host, wish, found = case.host, case.wish, []
    ended = branches.ended(wish.number, today)
    if ended:
        found.append("branch %s is no longer kept: its support ended in %s" % (wish.branch, ended))
    if wish.number > branches.NEWEST:
        found.append("branch %s is newer than what is known here" % wish.branch)
    if "unknown" in host.generations:
        found.append("a GPU is of a generation that isn't known here: that the branch drives it wasn't checked")
    seen = case.distro.seen.get(host.architecture, 0) if case.distro is not None and wish.source == "vendor" else 0
    if 0 < wish.number < seen:
        text = "NVIDIA's repository for %s (%s) was last seen to begin with branch %d: %s may not be there"
        found.append(text % (case.host.os_name, host.architecture, seen, wish.branch))
    archived = state.archive_modules(host)
    if archived and wish.source == "vendor":
        found.append("comes from Debian's archive now (%s): its packages go first" % ", ".join(archived))
    if host.silent:
        found.append("GPU %s doesn't answer on the PCI bus" % ", ".join(host.silent))
    if host.secure_boot and case.row is not None and case.row.dkms:
        found.append("Secure Boot is on: DKMS must sign with the enrolled key")
    for bad, kernel, certain in known_bad.matching(choice(case)):
        if not certain:
            found.append("%s; %s" % (bad.reason.format(kernel=kernel), bad.fix))
    return found


def _now(host: Host) -> Dict[str, str]:
    return {"version": host.driver.version, "flavour": host.driver.flavour or host.driver.loaded_flavour}


def _wanted(wish: Wish, flavour: str) -> Dict[str, Any]:
    return {
        "branch": wish.branch,
        "version": wish.version,
        "flavour": flavour,
        "source": wish.source,
        "kind": wish.kind,
        "cuda": branches.cuda_major(wish.number),
    }


def _idle(
    host: Host, wish: Wish, *, blocked: Sequence[Refusal] = (), notes: Sequence[str] = (), skipped: str = ""
) -> Plan:
    """A plan that does nothing."""
    return {
        "now": _now(host),
        "wanted": _wanted(wish, wish.flavour),
        "packages": {"install": [], "remove": [], "hold": [], "pins": [], "stream": "", "headers": []},
        "repository": None,
        "components": [],
        "modprobe": {"options": {}, "blacklist": []},
        "files": [],
        "services": [],
        "action": decision.NONE,
        "settings": [],
        "drain": False,
        "reload": False,
        "reboot": False,
        "blocked": [one.result() for one in blocked],
        "pending": "",
        "skipped": skipped,
        "notes": list(notes),
    }
