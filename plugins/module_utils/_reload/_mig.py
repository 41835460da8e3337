# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The layout of MIG before a driver moves, and putting it back: whether it survives depends on the GPU.

With NVIDIA/mig-parted on the host its export, assert and apply are used. Else nvidia-smi: a GPU instance is named by
profile and first slice, a compute instance by its profile within it (nvidia-smi(1), "mig -cgi", "mig -cci").
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any, Dict, List, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _atomic
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import Machine, ReloadError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._smi import PROGRAM as SMI

PARTED, CONFIGURATION, NAME = "nvidia-mig-parted", "mig.yaml", "current"
PATIENCE = 300.0
ENABLED = "Enabled"
_INSTANCE = re.compile(r"^\|\s*(\d+)\s+MIG\s+\S+\s+(\d+)\s+(\d+)\s+(\d+):\d+\s*\|", re.MULTILINE)
_COMPUTE = re.compile(r"^\|\s*(\d+)\s+(\d+)\s+MIG\s+\S+\s+(\d+)\s+\d+\s+(\d+):\d+\s*\|", re.MULTILINE)
_NONE = re.compile(r"No (MIG-enabled devices|GPU instances|compute instances)", re.IGNORECASE)

Layout = Dict[str, Any]
"""UUID of a GPU to its list of GPU instances: ``[profile, first slice, [profiles of its compute instances]]``."""


def record(machine: Machine, folder: str) -> Any:
    """What there is now; None where it can't be seen, {} where no GPU has MIG on."""
    if not machine.has(SMI):
        return None
    path = os.path.join(folder, CONFIGURATION)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # of a driver's change long ago
    layout = look(machine)
    if layout and machine.has(PARTED):
        done = machine.run([PARTED, "export", "--output-format", "yaml", "--config-label", NAME], PATIENCE)
        if done.code == 0:
            os.makedirs(folder, mode=0o755, exist_ok=True)
            _atomic.write(path, done.out.encode("utf-8"), 0o600, durable=True)
    return layout


def look(machine: Machine) -> Any:
    """The layout by nvidia-smi; None where it doesn't answer."""
    modes = _modes(machine)
    if modes is None:
        return None
    layout: Layout = {uuid: [] for uuid, mode in modes.values() if mode == ENABLED}
    if not layout:
        return {}
    compute: Dict[Tuple[str, str], List[Tuple[int, int]]] = {}
    for index, instance, profile, start in _COMPUTE.findall(_listed(machine, "-lci")):
        compute.setdefault((index, instance), []).append((int(start), int(profile)))
    for index, profile, instance, start in _INSTANCE.findall(_listed(machine, "-lgi")):
        inner = [number for _start, number in sorted(compute.get((index, instance), []))]
        uuid = modes.get(index, ("", ""))[0]
        layout.setdefault(uuid, []).append([int(profile), int(start), inner])
    return {uuid: sorted(instances, key=lambda one: (one[1], one[0])) for uuid, instances in layout.items()}


def restore(machine: Machine, wanted: Any, folder: str) -> bool:
    """Put the layout back; returns whether something had to be done. Raises ReloadError where it isn't possible."""
    if not wanted:
        return False
    if look(machine) == wanted:
        return False
    configuration = os.path.join(folder, CONFIGURATION)
    if machine.has(PARTED) and os.path.exists(configuration):
        done = machine.run([PARTED, "apply", "-f", configuration, "-c", NAME], PATIENCE)
        if done.code:
            raise ReloadError("nvidia-mig-parted can't put the layout of MIG back: %s" % done.said)
    else:
        for uuid, instances in sorted(wanted.items()):
            _rebuild(machine, uuid, instances)
    now = look(machine)
    if now != wanted:
        raise ReloadError("the layout of MIG is %s and was %s before; %s has it" % (said(now), said(wanted), folder))
    return True


def said(layout: Any) -> str:
    """A layout in words."""
    if layout is None:
        return "not seen"
    if not layout:
        return "off everywhere"
    return "; ".join("%s: %s" % (uuid, _instances(layout[uuid])) for uuid in sorted(layout))


def _instances(instances: Sequence[Sequence[Any]]) -> str:
    shown = ["profile %s at %s" % (profile, start) for profile, start, _compute in instances]
    return ", ".join(shown) or "on, without instances"


def _rebuild(machine: Machine, uuid: str, instances: Sequence[Sequence[Any]]) -> None:
    modes = _modes(machine) or {}
    indices = {found: index for index, (found, _mode) in modes.items()}
    if uuid not in indices:
        raise ReloadError("GPU %s had MIG on and isn't there any more" % uuid)
    if modes[indices[uuid]][1] != ENABLED:
        _do(machine, ["-i", uuid, "-mig", "1"])
        if (_modes(machine) or {}).get(indices[uuid], ("", ""))[1] != ENABLED:
            raise ReloadError("MIG of GPU %s is enabled after a reset of the GPU only: reboot the host" % uuid)
    if _listed(machine, "-lci", uuid):
        _do(machine, ["mig", "-i", uuid, "-dci"])
    if _listed(machine, "-lgi", uuid):
        _do(machine, ["mig", "-i", uuid, "-dgi"])
    if not instances:
        return
    _do(machine, ["mig", "-i", uuid, "-cgi", ",".join("%d:%d" % (one[0], one[1]) for one in instances)])
    numbers = {
        (int(profile), int(start)): instance
        for index, profile, instance, start in _INSTANCE.findall(_listed(machine, "-lgi"))
        if index == indices[uuid]
    }
    for profile, start, compute in instances:
        if compute and (profile, start) in numbers:
            chosen = ",".join(str(number) for number in compute)
            _do(machine, ["mig", "-i", uuid, "-gi", numbers[profile, start], "-cci", chosen])


def _do(machine: Machine, arguments: List[str]) -> None:
    done = machine.run([SMI, *arguments], PATIENCE)
    if done.code:
        raise ReloadError("%s %s: %s" % (SMI, " ".join(arguments), done.said))


def _listed(machine: Machine, what: str, uuid: str = "") -> str:
    """The table of instances; "" where there are none."""
    done = machine.run([SMI, "mig", *(["-i", uuid] if uuid else []), what], PATIENCE)
    if done.code == 0:
        return done.out
    if _NONE.search(done.out + done.err):
        return ""
    raise ReloadError("%s mig %s: %s" % (SMI, what, done.said))


def _modes(machine: Machine) -> Any:
    """Index to (UUID, mode); None where nvidia-smi doesn't answer."""
    done = machine.run([SMI, "--query-gpu=index,uuid,mig.mode.current", "--format=csv,noheader"], PATIENCE)
    if done.code:
        return None
    found: Dict[str, Tuple[str, str]] = {}
    for line in done.out.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 3 and parts[0].isdigit():
            found[parts[0]] = (parts[1], parts[2])
    return found
