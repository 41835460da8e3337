# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The DCGM fields that the stand-in exporter knows, and what two GPUs that do not exist would tell of them.

Names, renames and units follow the role dcgm_exporter; a unit test holds this table to its counters.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field

MEMORY_MIB = 81920
POWER_WATTS = 700
AT_WORK = 72.0
XIDS = "DCGM_EXP_XID_ERRORS_COUNT"
DRIVER = ("DCGM_FI_DRIVER_VERSION", "DCGM_FI_SYSTEM_DRIVER_VERSION")


@dataclass(frozen=True)
class Field:
    """A field, its name since exporter 4.9, and the old unit in terms of the new one."""

    name: str
    renamed: str = ""
    factor: float = 1.0


FIELDS = (
    Field("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO"),
    Field("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "DCGM_FI_PROF_TENSOR_UTIL_RATIO"),
    Field("DCGM_FI_PROF_DRAM_ACTIVE", "DCGM_FI_PROF_DRAM_UTIL_RATIO"),
    Field("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_GPU_UTIL_RATIO", 0.01),
    Field("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_USED_BYTES", 2**20),
    Field("DCGM_FI_DEV_FB_TOTAL", "DCGM_FI_DEV_FB_CAPACITY_BYTES", 2**20),
    Field("DCGM_FI_DEV_SM_CLOCK", "DCGM_FI_DEV_SM_CLOCK_HERTZ", 1e6),
    Field("DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_BOARD_POWER_WATTS"),
    Field("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL", 0.001),
    Field("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS"),
    Field("DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF", "DCGM_FI_DEV_BOARD_POWER_LIMIT_DEFAULT_WATTS"),
    Field("DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_GPU_TEMP_CELSIUS"),
    Field("DCGM_FI_DEV_MEMORY_TEMP", "DCGM_FI_DEV_MEMORY_TEMP_CELSIUS"),
    Field("DCGM_FI_DEV_GPU_TEMP_LIMIT", "DCGM_FI_DEV_GPU_TEMP_MARGIN_CELSIUS"),
    Field("DCGM_FI_DEV_MEM_MAX_OP_TEMP", "DCGM_FI_DEV_MEMORY_MAX_OP_TEMP_CELSIUS"),
    Field("DCGM_FI_DEV_THERMAL_VIOLATION"),
    Field("DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN_NS"),
    Field("DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN_NS"),
    Field("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL"),
    Field("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"),
    Field("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "DCGM_FI_DEV_ROW_REMAP_UNCORRECTABLE_TOTAL"),
    Field("DCGM_FI_DEV_ROW_REMAP_FAILURE", "DCGM_FI_DEV_ROW_REMAP_FAILED"),
    Field("DCGM_FI_DEV_ROW_REMAP_PENDING"),
    Field("DCGM_FI_DEV_THRESHOLD_SRM", "DCGM_FI_DEV_SRAM_EXCEEDED"),
    Field("DCGM_FI_DEV_MEMORY_UNREPAIRABLE_FLAG", "DCGM_FI_DEV_MEMORY_UNREPAIRABLE"),
    Field("DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION", "DCGM_FI_DEV_GPU_RECOVERY_ACTION"),
    Field("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "DCGM_FI_DEV_PCIE_REPLAY_TOTAL"),
    Field("DCGM_FI_DEV_PCIE_LINK_GEN"),
    Field("DCGM_FI_DEV_PCIE_LINK_WIDTH"),
    Field("DCGM_FI_DEV_NVLINK_ERROR_DL_CRC", "DCGM_FI_DEV_NVLINK_CRC_ERROR_TOTAL"),
    Field("DCGM_FI_DEV_NVLINK_ERROR_DL_REPLAY", "DCGM_FI_DEV_NVLINK_REPLAY_TOTAL"),
    Field("DCGM_FI_DEV_NVLINK_ERROR_DL_RECOVERY", "DCGM_FI_DEV_NVLINK_RECOVERY_TOTAL"),
    Field("DCGM_FI_DEV_FABRIC_MANAGER_STATUS"),
    Field("DCGM_FI_DEV_FABRIC_HEALTH_SUMMARY"),
)

# An exporter serves nothing for what a GPU doesn't have: these have Hopper's NVLink, retire no pages, need no licence.
ABSENT = frozenset(
    {
        "DCGM_EXP_CLOCK_EVENTS_COUNT",
        "DCGM_FI_DEV_RETIRED_SBE",
        "DCGM_FI_DEV_PAGE_RETIRED_SBE_TOTAL",
        "DCGM_FI_DEV_RETIRED_DBE",
        "DCGM_FI_DEV_PAGE_RETIRED_DBE_TOTAL",
        "DCGM_FI_DEV_RETIRED_PENDING",
        "DCGM_FI_DEV_PAGE_RETIRED_PENDING",
        "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL",
        "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_TOTAL",
        "DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL",
        "DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_TOTAL",
        "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL",
        "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_TOTAL",
        "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL",
        "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_TOTAL",
        "DCGM_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS",
        "DCGM_FI_DEV_NVLINK_RECOVERY_FAILED_TOTAL",
        "DCGM_FI_DEV_FABRIC_HEALTH_MASK",
        "DCGM_FI_DEV_VGPU_LICENSE_STATUS",
    }
)
BY_NAME = {name: known for known in FIELDS for name in (known.name, known.renamed) if name}


@dataclass(frozen=True)
class Row:
    """One row of a counters file: field, type of the metric, help."""

    field: str
    kind: str
    text: str

    @property
    def factor(self) -> float:
        """What the old unit is in this row's."""
        return BY_NAME[self.field].factor if self.field == BY_NAME[self.field].renamed else 1.0


@dataclass(frozen=True)
class StandInGpu:
    """A GPU that does not exist, and what somebody set by hand. Left alone it works for whoever holds it."""

    index: int
    utilization: float | None = None
    xids: tuple[int, ...] = ()
    values: dict[str, float] = field(default_factory=dict)

    @property
    def uuid(self) -> str:
        """By which the kubelet knows it too."""
        return f"GPU-standin-{self.index}"


def rows_of(lines: Iterable[str]) -> list[Row]:
    """The rows of a counters file. Like the exporter, ends over a field that isn't known. Raises ValueError."""
    found = []
    for number, cells in enumerate(csv.reader(lines), 1):
        if not cells or not "".join(cells).strip() or cells[0].lstrip().startswith("#"):
            continue
        if len(cells) != 3:
            raise ValueError(f"line {number} of the counters file has {len(cells)} cells and not 3")
        row = Row(*(cell.strip() for cell in cells))
        if row.field not in BY_NAME and row.field not in ABSENT and row.field not in (XIDS, *DRIVER):
            raise ValueError(f"line {number} of the counters file: there is no field {row.field}")
        if row.kind not in ("gauge", "counter", "label"):
            raise ValueError(f"line {number} of the counters file: {row.kind} is no type")
        found.append(row)
    return found


def values(gpu: StandInGpu, held: bool) -> dict[str, float]:
    """By old name and in the old unit: what follows from the utilization alone, and over it what was set by hand."""
    percent = gpu.utilization if gpu.utilization is not None else AT_WORK if held else 0.0
    busy = percent / 100.0
    return {
        **{known.name: 0.0 for known in FIELDS},
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE": busy,
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": 0.6 * busy,
        "DCGM_FI_PROF_DRAM_ACTIVE": 0.4 * busy,
        "DCGM_FI_DEV_GPU_UTIL": percent,
        "DCGM_FI_DEV_FB_USED": MEMORY_MIB * 0.75 if held else 0.0,
        "DCGM_FI_DEV_FB_TOTAL": MEMORY_MIB,
        "DCGM_FI_DEV_SM_CLOCK": 345 + 1400 * busy,
        "DCGM_FI_DEV_POWER_USAGE": 70 + 500 * busy,
        "DCGM_FI_DEV_ENFORCED_POWER_LIMIT": POWER_WATTS,
        "DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF": POWER_WATTS,
        "DCGM_FI_DEV_GPU_TEMP": 30 + 40 * busy,
        "DCGM_FI_DEV_MEMORY_TEMP": 35 + 40 * busy,
        "DCGM_FI_DEV_GPU_TEMP_LIMIT": 60 - 40 * busy,
        "DCGM_FI_DEV_MEM_MAX_OP_TEMP": 95,
        "DCGM_FI_DEV_PCIE_LINK_GEN": 5,
        "DCGM_FI_DEV_PCIE_LINK_WIDTH": 16,
        "DCGM_FI_DEV_FABRIC_MANAGER_STATUS": 3,
        "DCGM_FI_DEV_FABRIC_HEALTH_SUMMARY": 1,
        **gpu.values,
    }
