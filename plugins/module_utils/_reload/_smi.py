# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What nvidia-smi says: its XML report, and whether it failed for a corrupt InfoROM. Parsing only, but for ``ask``.

nvidia-smi(1), RETURN VALUE: 14 is a corrupt InfoROM; the GPUs are listed all the same (also: GPU operator,
troubleshooting, "infoROM is corrupted"). Names of elements as in nvsmi_device_v12.dtd; older reports lack some.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Tuple
from xml.etree import ElementTree as ET

from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import ABSENT, Done, Machine

PROGRAM = "nvidia-smi"
CORRUPT = 14
PATIENCE = 120.0
"""Seconds for one call: without persistence eight GPUs take most of a minute to wake up."""

_INFOROM = re.compile(r"infoROM is corrupted(?: at gpu (\S+))?", re.IGNORECASE)
_REPORT = re.compile(r"<nvidia_smi_log>.*</nvidia_smi_log>", re.DOTALL)
_NOTHING = frozenset({"", "N/A", "[N/A]", "Not Supported", "[Not Supported]"})


@dataclass(frozen=True)
class Gpu:
    """One GPU of the report; "" where it doesn't say."""

    address: str
    uuid: str = ""
    persistence: str = ""
    mig: str = ""
    mig_pending: str = ""
    fabric_state: str = ""
    fabric_status: str = ""
    uncorrected: int = 0
    remap_pending: bool = False
    remap_failed: bool = False
    retired_pending: bool = False


@dataclass(frozen=True)
class Report:
    """All of it. ``missing``: there is no such program. ``error``: why there is no report."""

    driver: str = ""
    gpus: Tuple[Gpu, ...] = ()
    corrupt: Tuple[str, ...] = ()
    missing: bool = False
    error: str = ""


def ask(machine: Machine) -> Report:
    """Run nvidia-smi."""
    return read(machine.run([PROGRAM, "-q", "-x"], PATIENCE))


def read(done: Done) -> Report:
    """Understand how it ended."""
    if done.code == ABSENT:
        return Report(missing=True, error=done.said)
    # One GPU with a bad InfoROM is a fault of that card: the others and the driver may be well.
    corrupt = tuple(found or "a GPU" for found in _INFOROM.findall(done.out + done.err))
    if done.code == CORRUPT and not corrupt:
        corrupt = ("a GPU",)
    text = _REPORT.search(done.out)
    if done.code not in (0, CORRUPT):
        return Report(corrupt=corrupt, error="exit status %d: %s" % (done.code, done.said))
    if text is None:
        return Report(corrupt=corrupt, error="no report: %s" % done.said)
    try:
        top = ET.fromstring(text.group(0))  # noqa: S314 - our own host's nvidia-smi
    except ET.ParseError as error:
        return Report(corrupt=corrupt, error="its report can't be read: %s" % error)
    return Report(_text(top, "driver_version"), tuple(_gpu(one) for one in top.findall("gpu")), corrupt)


def _gpu(node: ET.Element) -> Gpu:
    volatile = node.find("ecc_errors/volatile")
    return Gpu(
        address=node.get("id", ""),
        uuid=_text(node, "uuid"),
        persistence=_text(node, "persistence_mode"),
        mig=_text(node, "mig_mode/current_mig"),
        mig_pending=_text(node, "mig_mode/pending_mig"),
        fabric_state=_text(node, "fabric/state"),
        fabric_status=_text(node, "fabric/status"),
        uncorrected=_uncorrected(volatile),
        remap_pending=_text(node, "remapped_rows/remapped_row_pending") == "Yes",
        remap_failed=_text(node, "remapped_rows/remapped_row_failure") == "Yes",
        retired_pending="Yes"
        in (_text(node, "retired_pages/pending_retirement"), _text(node, "retired_pages/pending_blacklist")),
    )


def _uncorrected(volatile: Optional[ET.Element]) -> int:
    """Uncorrectable memory errors since the driver was loaded; old reports call them double-bit."""
    if volatile is None:
        return 0
    total = volatile.find("double_bit/total")
    if total is not None:
        return _number(total.text)
    return sum(_number(one.text) for one in volatile if "uncorrectable" in one.tag)


def _number(text: Optional[str]) -> int:
    found = (text or "").strip()
    return int(found) if found.isdigit() else 0


def _text(node: ET.Element, path: str) -> str:
    found = (node.findtext(path) or "").strip()
    return "" if found in _NOTHING else found
