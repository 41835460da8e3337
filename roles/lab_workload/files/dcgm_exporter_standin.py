# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dcgm-exporter-standin: the exposition of a dcgm-exporter for GPUs the lab does not have.

Nothing here is measured. GPU 0 is held by a pod, GPU 1 by nobody. PUT /settings changes what is told:
{"utilization": {"0": 12}}, {"xids": {"0": [79]}}, {"values": {"1": {"DCGM_FI_DEV_ROW_REMAP_PENDING": 1}}}, the latter
with the names of exporters before 4.9, whatever is served. Names, units and labels follow dcgm-exporter, with
GENERATION=new those since 4.9; every HELP text says that it is a stand-in's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from labhttp import BadRequest, Reply, Request, Routes, healthy, serve

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MEMORY_MIB = 81920
GENERATIONS = ("old", "new")


@dataclass(frozen=True)
class StandInGpu:
    """A GPU that does not exist, the pod that is said to hold it ("" for none), and what somebody set by hand."""

    index: int
    utilization: float
    pod: str = ""
    namespace: str = ""
    container: str = ""
    xids: tuple[int, ...] = ()
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Field:
    """One DCGM field: its type and help, its name since exporter 4.9, and the old unit in terms of the new one."""

    name: str
    kind: str
    text: str
    renamed: str = ""
    factor: float = 1.0


FIELDS = (
    Field("DCGM_FI_DEV_SM_CLOCK", "gauge", "SM clock frequency.", "DCGM_FI_DEV_SM_CLOCK_HERTZ", 1e6),
    Field("DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C).", "DCGM_FI_DEV_GPU_TEMP_CELSIUS"),
    Field("DCGM_FI_DEV_GPU_TEMP_LIMIT", "gauge", "Degrees left.", "DCGM_FI_DEV_GPU_TEMP_MARGIN_CELSIUS"),
    Field("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw (in W).", "DCGM_FI_DEV_BOARD_POWER_WATTS"),
    Field(
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "counter",
        "Energy consumption.",
        "DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL",
        0.001,
    ),
    Field("DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization.", "DCGM_FI_DEV_GPU_UTIL_RATIO", 0.01),
    Field("DCGM_FI_DEV_FB_USED", "gauge", "Framebuffer memory used.", "DCGM_FI_DEV_FB_USED_BYTES", 2**20),
    Field("DCGM_FI_DEV_FB_TOTAL", "gauge", "Framebuffer memory.", "DCGM_FI_DEV_FB_CAPACITY_BYTES", 2**20),
    Field("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "gauge", "Engine activity.", "DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO"),
    Field("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "counter", "Single-bit errors."),
    Field("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "counter", "Double-bit errors."),
    Field("DCGM_FI_DEV_ROW_REMAP_FAILURE", "gauge", "Remapping failed.", "DCGM_FI_DEV_ROW_REMAP_FAILED"),
    Field("DCGM_FI_DEV_ROW_REMAP_PENDING", "gauge", "Remapping waits for a reset."),
    Field("DCGM_FI_DEV_THERMAL_VIOLATION", "counter", "Time slowed down for heat (in ns)."),
    Field("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "counter", "PCIe retries.", "DCGM_FI_DEV_PCIE_REPLAY_TOTAL"),
    Field("DCGM_FI_DEV_PCIE_LINK_GEN", "gauge", "PCIe generation."),
    Field("DCGM_FI_DEV_PCIE_LINK_WIDTH", "gauge", "PCIe lanes."),
    Field("DCGM_FI_DEV_FABRIC_MANAGER_STATUS", "gauge", "Fabric manager status."),
)
XIDS = "DCGM_EXP_XID_ERRORS_COUNT"


def values(gpu: StandInGpu) -> dict[str, float]:
    """By old name and in the old unit: what follows from the utilization alone, and over it what was set by hand."""
    busy = gpu.utilization / 100.0
    healthy_gpu = {known.name: 0.0 for known in FIELDS}
    return healthy_gpu | {
        "DCGM_FI_DEV_SM_CLOCK": 345 + 1400 * busy,
        "DCGM_FI_DEV_GPU_TEMP": 30 + 40 * busy,
        "DCGM_FI_DEV_GPU_TEMP_LIMIT": 60 - 40 * busy,
        "DCGM_FI_DEV_POWER_USAGE": 70 + 500 * busy,
        "DCGM_FI_DEV_GPU_UTIL": gpu.utilization,
        "DCGM_FI_DEV_FB_USED": MEMORY_MIB * 0.75 if gpu.pod else 0.0,
        "DCGM_FI_DEV_FB_TOTAL": MEMORY_MIB,
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE": busy,
        "DCGM_FI_DEV_PCIE_LINK_GEN": 5,
        "DCGM_FI_DEV_PCIE_LINK_WIDTH": 16,
        "DCGM_FI_DEV_FABRIC_MANAGER_STATUS": 3,
        **gpu.values,
    }


def labels(gpu: StandInGpu, hostname: str, generation: str = "old") -> dict[str, str]:
    """dcgm-exporter's labels; the pod ones only where a pod holds the GPU."""
    new = generation == "new"
    found = {
        "gpu": str(gpu.index),
        "UUID": f"GPU-standin-{gpu.index}",
        "pci_bus_id": f"00000000:{gpu.index:02X}:00.0",
        "device": f"nvidia{gpu.index}",
        "modelName": "Stand-in GPU (no hardware)",
        "hostname" if new else "Hostname": hostname,
        "DCGM_FI_SYSTEM_DRIVER_VERSION" if new else "DCGM_FI_DRIVER_VERSION": "standin",
    }
    if gpu.pod:
        found |= {"container": gpu.container, "namespace": gpu.namespace, "pod": gpu.pod}
    return found


def family(name: str, kind: str, text: str, samples: Iterator[tuple[dict[str, str], float]]) -> Iterator[str]:
    """Lines of one metric."""
    yield f"# HELP {name} {text} From a stand-in, not from hardware."
    yield f"# TYPE {name} {kind}"
    for own, value in samples:
        inner = ",".join(f'{label}="{content}"' for label, content in own.items())
        yield f"{name}{{{inner}}} {value:.15g}"


def xid_samples(gpus: list[StandInGpu], hostname: str, generation: str) -> Iterator[tuple[dict[str, str], float]]:
    """One for each code of a GPU; 0 and no code for a GPU without."""
    for gpu in gpus:
        own = {**labels(gpu, hostname, generation), "window_size_in_ms": "300000"}
        yield from (({**own, "xid": str(code)}, 1) for code in gpu.xids)
        if not gpu.xids:
            yield own, 0


def exposition(gpus: list[StandInGpu], hostname: str, generation: str = "old") -> bytes:
    """Prometheus text for all fields of all GPUs."""
    new = generation == "new"
    lines: list[str] = []
    for known in FIELDS:
        factor = known.factor if new else 1.0
        samples = ((labels(gpu, hostname, generation), factor * values(gpu)[known.name]) for gpu in gpus)
        lines += family((new and known.renamed) or known.name, known.kind, known.text, samples)
    lines += family(XIDS, "gauge", "XID errors of the last 5 minutes.", xid_samples(gpus, hostname, generation))
    return ("\n".join(lines) + "\n").encode()


class StandIn:
    """Holds the settings and serves them."""

    def __init__(self, gpus: list[StandInGpu], hostname: str, generation: str = "old") -> None:
        if generation not in GENERATIONS:
            raise ValueError(f"GENERATION is {generation!r}; choose one of {', '.join(GENERATIONS)}")
        self.gpus = gpus
        self.hostname = hostname
        self.generation = generation

    def metrics(self, _request: Request) -> Reply:
        """GET /metrics."""
        return Reply(exposition(self.gpus, self.hostname, self.generation), content_type=CONTENT_TYPE)

    def settings(self, _request: Request) -> Reply:
        """GET /settings."""
        return Reply(
            {
                "utilization": {str(gpu.index): gpu.utilization for gpu in self.gpus},
                "xids": {str(gpu.index): list(gpu.xids) for gpu in self.gpus if gpu.xids},
                "values": {str(gpu.index): gpu.values for gpu in self.gpus if gpu.values},
            }
        )

    def change(self, request: Request) -> Reply:
        """PUT /settings."""
        body = request.body
        if not isinstance(body, dict) or not body or not set(body) <= set(SETTERS):
            raise BadRequest('send {"utilization": {"0": 12}}, {"xids": {"0": [79]}} or {"values": {"0": {name: 1}}}')
        changed = {str(gpu.index): gpu for gpu in self.gpus}
        for name, wanted in body.items():
            if not isinstance(wanted, dict):
                raise BadRequest(f"{name} must name GPUs")
            for index, value in wanted.items():
                if index not in changed:
                    raise BadRequest(f"there is no GPU {index!r}; known: {sorted(changed)}")
                changed[index] = SETTERS[name](changed[index], value)
        self.gpus = list(changed.values())
        return self.settings(request)

    def routes(self) -> Routes:
        """What is served where."""
        return {
            ("GET", "/metrics"): self.metrics,
            ("GET", "/settings"): self.settings,
            ("PUT", "/settings"): self.change,
            ("GET", "/healthz"): healthy,
        }


def is_number(value: Any) -> bool:
    """An integer or a finite decimal; booleans and NaN are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")


def set_utilization(gpu: StandInGpu, value: Any) -> StandInGpu:
    """The GPU with another utilization, in percent."""
    if not is_number(value) or not 0 <= value <= 100:
        raise BadRequest(f"the utilization of GPU {gpu.index} must be a number from 0 to 100")
    return replace(gpu, utilization=float(value))


def set_xids(gpu: StandInGpu, value: Any) -> StandInGpu:
    """The GPU with these XID codes and no other."""
    if not isinstance(value, list) or not all(is_number(code) and code == int(code) > 0 for code in value):
        raise BadRequest(f"the xids of GPU {gpu.index} must be a list of codes")
    return replace(gpu, xids=tuple(int(code) for code in value))


def set_values(gpu: StandInGpu, value: Any) -> StandInGpu:
    """The GPU with these fields set, all others following from the utilization again."""
    known = {found.name for found in FIELDS}
    if not isinstance(value, dict) or not set(value) <= known or not all(is_number(one) for one in value.values()):
        raise BadRequest(f"the values of GPU {gpu.index} must be numbers by name; known: {sorted(known)}")
    return replace(gpu, values={name: float(one) for name, one in value.items()})


SETTERS = {"utilization": set_utilization, "xids": set_xids, "values": set_values}


def default_gpus(namespace: str) -> list[StandInGpu]:
    """One GPU that a pod is said to hold and one that nobody holds."""
    return [
        StandInGpu(0, 72.0, pod="model-server-standin", namespace=namespace, container="model-server"),
        StandInGpu(1, 0.0),
    ]


if __name__ == "__main__":
    stand_in = StandIn(
        default_gpus(os.environ.get("HELD_IN_NAMESPACE", "models")),
        os.environ.get("NODE_NAME", "standin"),
        os.environ.get("GENERATION", "old"),
    )
    serve(stand_in.routes(), int(os.environ.get("PORT", "9400")))
