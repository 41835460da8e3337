# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Everything a validation looks at, gathered once: files, nvidia-smi, CUDA, the kernel's log, units, DCGM."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload import _mig, _smi
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import (
    ABSENT,
    Machine,
    ReloadError,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._services import Unit
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._systemd import Units

CUDA_PATIENCE, DIAG_PATIENCE = 120.0, 3600.0
NO_LIBRARY = 3
_CUDA = """
import ctypes, json, sys
try:
    cuda = ctypes.CDLL("libcuda.so.1")
except OSError as error:
    print(error)
    sys.exit(3)
count = ctypes.c_int(0)
for name, argument in (("cuInit", 0), ("cuDeviceGetCount", ctypes.byref(count))):
    code = getattr(cuda, name)(argument)
    if code:
        print(json.dumps({"error": "%s answers %d" % (name, code)}))
        sys.exit(0)
print(json.dumps({"count": count.value}))
"""
"""cuInit can hang or crash with a sick GPU: it runs in a process of its own."""

# NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.
_XID = re.compile(r"^\d+,\d+,(\d+),[^;]*;NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)\): (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Xid:
    """One error that the driver reported: seconds since boot, PCI address, code."""

    at: float
    gpu: str
    code: int


@dataclass(frozen=True)
class Evidence:
    """What was found. None: it could not be looked at; ``cuda_error`` and ``log_error`` say why."""

    facts: Mapping[str, Any]
    report: _smi.Report
    cuda: Optional[int] = None
    cuda_error: str = ""
    xids: Optional[Tuple[Xid, ...]] = None
    log_error: str = ""
    units: Sequence[Unit] = ()
    mig: Any = None
    diag: Optional[Tuple[int, str]] = None


def gather(machine: Machine, facts: Mapping[str, Any], services: Sequence[str], diag: int, log: str) -> Evidence:
    """Look at everything. diag: level of ``dcgmi diag``, 0 for none. log: path of the kernel's log."""
    report = _smi.ask(machine)
    count, cuda_error = _cuda(machine)
    xids, log_error = kernel_log(log)
    try:
        units: List[Unit] = Units(machine).look(services) if services else []
        mig = _mig.look(machine)
    except ReloadError:
        units, mig = [], None
    outcome = None
    if diag:
        done = machine.run(["dcgmi", "diag", "-r", str(diag)], DIAG_PATIENCE)
        outcome = (done.code, done.said if done.code else "passed")
    return Evidence(facts, report, count, cuda_error, xids, log_error, units, mig, outcome)


def _cuda(machine: Machine) -> Tuple[Optional[int], str]:
    done = machine.run([sys.executable, "-c", _CUDA], CUDA_PATIENCE)
    if done.code in (NO_LIBRARY, ABSENT):
        return None, "libcuda.so.1 can't be loaded: %s" % done.said
    try:
        answer = json.loads(done.out.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return 0, "asking CUDA ended with %s" % done.said
    return int(answer.get("count", 0)), str(answer.get("error", ""))


def kernel_log(path: str) -> Tuple[Optional[Tuple[Xid, ...]], str]:
    """The driver's errors in the kernel's log (Documentation/ABI/testing/dev-kmsg); None where it can't be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        return None, "%s: %s" % (path, error.strerror)
    try:
        text = _all(descriptor)
    except OSError as error:
        return None, "%s: %s" % (path, error.strerror)
    finally:
        os.close(descriptor)
    return tuple(Xid(int(at) / 1e6, gpu.lower(), int(code)) for at, gpu, code in _XID.findall(text)), ""


def _all(descriptor: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(descriptor, 16384)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                break
            if error.errno == errno.EPIPE:  # this record was overwritten before it was read
                continue
            raise
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode("utf-8", "replace")
