# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether a host's GPUs work with its driver: one line for each question, from evidence alone. Pure.

What can't be looked at is no success: such a check is not ok and says that it was not seen. The codes that condemn a
GPU are those that NVIDIA's catalogue and the EKS node monitoring agent answer with a reset, a restart or a replacement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._settings import same
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload import _mig
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._evidence import Evidence
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import ABSENT

FATAL_XIDS = frozenset({46, 48, 54, 62, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 142, 143, 151, 155, 156, 158})
SLACK = 1.0
"""Seconds that the clock of the log may lag behind."""

OLD_FABRIC = frozenset({"volta", "ampere"})
"""GPUs that don't report the state of their fabric: there the fabric manager's own state counts."""

FABRICMANAGER = "nvidia-fabricmanager.service"


@dataclass(frozen=True)
class Expected:
    """What should be. Empty or 0: anything. ``since``: seconds after boot from which errors in the log count."""

    version: str = ""
    gpus: int = 0
    persistence: bool = False
    since: float = 0
    mig: Any = None
    services: Sequence[str] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One answer."""

    name: str
    ok: bool
    detail: str
    seen: bool = True

    def result(self) -> Dict[str, Any]:
        """As the module returns it."""
        return {"name": self.name, "ok": self.ok, "seen": self.seen, "detail": self.detail}


def unseen(name: str, why: str) -> Check:
    """Nobody could look."""
    return Check(name, False, "not seen: %s" % why, False)


def check(found: Evidence, wanted: Expected) -> List[Check]:
    """Answer everything."""
    return [question(found, wanted) for question in QUESTIONS]


def _gpus(facts: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    return [gpu for gpu in facts.get("gpus") or [] if not gpu.get("virtual_function")]


def versions(found: Evidence, wanted: Expected) -> Check:
    """Loaded, on disk and userland are the same, and the wanted one."""
    driver = found.facts["driver"]
    three = {name: str(driver.get(name) or "") for name in ("loaded", "on_disk", "userland")}
    said = ", ".join("%s %s" % (name.replace("_", " "), number or "none") for name, number in three.items())
    same = len(set(three.values())) == 1 and bool(three["loaded"])
    right = not wanted.version or three["loaded"] == wanted.version or three["loaded"].startswith(wanted.version + ".")
    if same and not right:
        said += "; wanted is %s" % wanted.version
    return Check("versions", same and right, said)


def next_boot(found: Evidence, wanted: Expected) -> Check:
    """The kernel of the next boot has the module too."""
    driver, kernel = found.facts["driver"], found.facts.get("kernel") or {}
    following = str(driver.get("on_disk_next") or "")
    said = "kernel %s has module %s" % (kernel.get("next") or "?", following or "none")
    return Check("next_boot", following == driver.get("on_disk"), said)


def bus(found: Evidence, wanted: Expected) -> Check:
    """Every GPU on the bus answers and the driver has it; their number is the expected one."""
    gpus = _gpus(found.facts)
    silent = [str(gpu["address"]) for gpu in gpus if gpu.get("responding") is False]
    foreign = [
        "%s (%s)" % (gpu["address"], gpu.get("driver") or "none") for gpu in gpus if gpu.get("driver") != "nvidia"
    ]
    count = len(gpus) - len(silent)
    said = ["%d on the bus" % count + (", %d expected" % wanted.gpus if wanted.gpus else "")]
    said += ["silent: %s" % ", ".join(silent)] if silent else []
    said += ["with another driver: %s" % ", ".join(foreign)] if foreign else []
    ok = not silent and not foreign and (not wanted.gpus or count == wanted.gpus) and count > 0
    return Check("bus", ok, "; ".join(said))


def nvidia_smi(found: Evidence, wanted: Expected) -> Check:
    """nvidia-smi ends well, with the loaded version and every GPU of the bus."""
    report, count = found.report, len(_gpus(found.facts))
    if report.missing:
        return unseen("nvidia_smi", report.error)
    if report.error:
        return Check("nvidia_smi", False, report.error)
    said = "driver %s, %d of %d GPUs" % (report.driver or "?", len(report.gpus), count)
    return Check("nvidia_smi", report.driver == found.facts["driver"]["loaded"] and len(report.gpus) == count, said)


def inforom(found: Evidence, wanted: Expected) -> Check:
    """No GPU has a corrupt InfoROM: a fault of the card, not of the driver."""
    if found.report.missing or (found.report.error and not found.report.corrupt):
        return unseen("inforom", found.report.error)
    said = "the InfoROM of %s is corrupt: a fault of the card, not of the driver" % ", ".join(found.report.corrupt)
    return Check("inforom", not found.report.corrupt, said if found.report.corrupt else "no corrupt InfoROM")


def cuda(found: Evidence, wanted: Expected) -> Check:
    """CUDA starts and sees the GPUs; with MIG a process sees one instance only."""
    if found.cuda is None:
        return unseen("cuda", found.cuda_error)
    if found.cuda_error:
        return Check("cuda", False, found.cuda_error + (" (fabric not ready)" if "802" in found.cuda_error else ""))
    count = len(_gpus(found.facts))
    mig = any(gpu.mig == _mig.ENABLED for gpu in found.report.gpus)
    said = "%d device%s" % (found.cuda, "" if found.cuda == 1 else "s")
    return Check(
        "cuda", found.cuda >= 1 if mig else found.cuda == count, said + (" (MIG)" if mig else " of %d" % count)
    )


def fabric(found: Evidence, wanted: Expected) -> Check:
    """GPUs joined by NVSwitches have found each other."""
    facts = found.facts
    generations = set(facts.get("generations") or [])
    if not (facts.get("nvswitches") or facts.get("nvlink5") or (facts.get("coherent") and "blackwell" in generations)):
        return Check("fabric", True, "no fabric on this host")
    states = {(gpu.fabric_state, gpu.fabric_status) for gpu in found.report.gpus}
    if not states or states == {("", "")}:
        running = {unit.name: unit.active for unit in found.units}.get(FABRICMANAGER, "")
        if generations <= OLD_FABRIC and running:
            return Check("fabric", running == "active", "the fabric manager is %s" % running)
        return unseen("fabric", found.report.error or "nvidia-smi doesn't tell the state of the fabric")
    bad = sorted("%s/%s" % state for state in states if state[0] != "Completed" or state[1] not in ("Success", ""))
    return Check("fabric", not bad, "state %s" % ", ".join(bad) if bad else "completed on all GPUs")


def kernel_log(found: Evidence, wanted: Expected) -> Check:
    """The driver reported no error that condemns a GPU since then."""
    if found.xids is None:
        return unseen("kernel_log", found.log_error)
    recent = [xid for xid in found.xids if xid.at >= wanted.since - SLACK]
    fatal = ["Xid %d of %s" % (xid.code, xid.gpu) for xid in recent if xid.code in FATAL_XIDS]
    if fatal:
        return Check("kernel_log", False, ", ".join(dict.fromkeys(fatal)))
    others = sorted({xid.code for xid in recent})
    said = "Xid %s, which applications cause" % ", ".join(map(str, others)) if others else "no Xid"
    return Check("kernel_log", True, said)


def memory(found: Evidence, wanted: Expected) -> Check:
    """No GPU waits for a reset to remap rows or retire pages, and none failed to."""
    if found.report.missing or found.report.error:
        return unseen("memory", found.report.error)
    rows: Sequence[Tuple[str, Callable[[Any], bool]]] = (
        ("row remap failed: the card must be replaced", lambda gpu: gpu.remap_failed),
        ("row remap pending: the GPU needs a reset", lambda gpu: gpu.remap_pending),
        ("page retirement pending: the GPU needs a reset", lambda gpu: gpu.retired_pending),
        ("uncorrected memory errors since the driver was loaded", lambda gpu: gpu.uncorrected > 0),
    )
    bad = ["%s: %s" % (gpu.address, text) for gpu in found.report.gpus for text, holds in rows if holds(gpu)]
    return Check("memory", not bad, "; ".join(bad) or "no error, nothing pending")


def persistence(found: Evidence, wanted: Expected) -> Check:
    """Persistence mode is on where it was asked for."""
    if not wanted.persistence:
        return Check("persistence", True, "not asked for")
    if found.report.missing or found.report.error:
        return unseen("persistence", found.report.error)
    off = [gpu.address for gpu in found.report.gpus if gpu.persistence != "Enabled"]
    return Check("persistence", not off, "off on %s" % ", ".join(off) if off else "on")


def mig(found: Evidence, wanted: Expected) -> Check:
    """The layout of MIG is the one before, and no change of its mode waits for a reset."""
    waiting = [gpu.address for gpu in found.report.gpus if gpu.mig_pending and gpu.mig_pending != gpu.mig]
    if waiting:
        return Check("mig", False, "the mode of %s changes with the next reset" % ", ".join(waiting))
    if wanted.mig is None:
        return Check("mig", True, "nothing to compare with")
    if found.mig is None:
        return unseen("mig", "nvidia-smi doesn't tell the layout")
    same = found.mig == wanted.mig
    return Check("mig", same, _mig.said(found.mig) + ("" if same else "; before: %s" % _mig.said(wanted.mig)))


def options(found: Evidence, wanted: Expected) -> Check:
    """The modules were loaded with the options that they should have, as far as the kernel shows them."""
    shown = (found.facts.get("settings") or {}).get("parameters") or {}
    asked = [
        (module, name, shown[module][name], str(value))
        for module, given in sorted(wanted.options.items())
        for name, value in sorted(given.items())
        if name in shown.get(module, {})
    ]
    bad = ["%s has %s=%s, wanted is %s" % one for one in asked if not same(one[2], one[3])]
    said = ", ".join("%s=%s" % one[1:3] for one in asked)
    return Check("options", not bad, "; ".join(bad) or said or "none that the kernel shows")


def services(found: Evidence, wanted: Expected) -> Check:
    """The services that the driver needs run."""
    states = {unit.name: unit.active for unit in found.units}
    if wanted.services and not states:
        return unseen("services", "systemd doesn't run this host")
    off = [
        "%s is %s" % (name, states.get(name) or "not there") for name in wanted.services if states.get(name) != "active"
    ]
    return Check("services", not off, ", ".join(off) or ", ".join(wanted.services) or "none needed")


def diag(found: Evidence, wanted: Expected) -> Check:
    """DCGM's own diagnostics, where they were asked for."""
    if found.diag is None:
        return Check("diag", True, "not asked for")
    code, said = found.diag
    return unseen("diag", said) if code == ABSENT else Check("diag", code == 0, said)


QUESTIONS: Tuple[Callable[[Evidence, Expected], Check], ...] = (
    versions,
    next_boot,
    bus,
    nvidia_smi,
    inforom,
    cuda,
    fabric,
    kernel_log,
    memory,
    persistence,
    mig,
    options,
    services,
    diag,
)
NAMES = tuple(question.__name__ for question in QUESTIONS)


def wrong(checks: Sequence[Check], optional: Sequence[str]) -> List[Check]:
    """Those that keep a host from being used. optional: names of checks that nobody need have seen."""
    return [one for one in checks if not one.ok and (one.seen or one.name not in optional)]
