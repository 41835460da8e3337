# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dcgm-exporter-standin: the exposition of a dcgm-exporter for GPUs the lab does not have.

Nothing here is measured. GPU 0 is held by a pod, GPU 1 by nobody; PUT /settings {"utilization": {"0": 12}} changes
what is told. Names and labels follow dcgm-exporter's default counters; every HELP text says that it is a stand-in's.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from labhttp import BadRequest, Reply, Request, Routes, healthy, serve

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MEMORY_MIB = 81920


@dataclass(frozen=True)
class StandInGpu:
    """A GPU that does not exist, and the pod that is said to hold it ("" for none)."""

    index: int
    utilization: float
    pod: str = ""
    namespace: str = ""
    container: str = ""


@dataclass(frozen=True)
class Field:
    """One DCGM field: its type and its help."""

    name: str
    kind: str
    text: str


FIELDS = (
    Field("DCGM_FI_DEV_SM_CLOCK", "gauge", "SM clock frequency (in MHz)."),
    Field("DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C)."),
    Field("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw (in W)."),
    Field("DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization (in %)."),
    Field("DCGM_FI_DEV_MEM_COPY_UTIL", "gauge", "Memory utilization (in %)."),
    Field("DCGM_FI_DEV_XID_ERRORS", "gauge", "Value of the last XID error encountered."),
    Field("DCGM_FI_DEV_FB_FREE", "gauge", "Framebuffer memory free (in MiB)."),
    Field("DCGM_FI_DEV_FB_USED", "gauge", "Framebuffer memory used (in MiB)."),
    Field("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "gauge", "Ratio of time the graphics engine is active."),
)


def values(gpu: StandInGpu) -> dict[str, float]:
    """Plausible values that follow from the utilization alone."""
    busy = gpu.utilization / 100.0
    used = MEMORY_MIB * 0.75 if gpu.pod else 0.0
    return {
        "DCGM_FI_DEV_SM_CLOCK": 345 + 1400 * busy,
        "DCGM_FI_DEV_GPU_TEMP": 30 + 40 * busy,
        "DCGM_FI_DEV_POWER_USAGE": 70 + 500 * busy,
        "DCGM_FI_DEV_GPU_UTIL": gpu.utilization,
        "DCGM_FI_DEV_MEM_COPY_UTIL": gpu.utilization / 2,
        "DCGM_FI_DEV_XID_ERRORS": 0,
        "DCGM_FI_DEV_FB_FREE": MEMORY_MIB - used,
        "DCGM_FI_DEV_FB_USED": used,
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE": busy,
    }


def labels(gpu: StandInGpu, hostname: str) -> dict[str, str]:
    """dcgm-exporter's labels; the pod ones only where a pod holds the GPU."""
    found = {
        "gpu": str(gpu.index),
        "UUID": f"GPU-standin-{gpu.index}",
        "pci_bus_id": f"00000000:{gpu.index:02X}:00.0",
        "device": f"nvidia{gpu.index}",
        "modelName": "Stand-in GPU (no hardware)",
        "Hostname": hostname,
        "DCGM_FI_DRIVER_VERSION": "standin",
    }
    if gpu.pod:
        found |= {"container": gpu.container, "namespace": gpu.namespace, "pod": gpu.pod}
    return found


def exposition(gpus: list[StandInGpu], hostname: str) -> bytes:
    """Prometheus text for all fields of all GPUs."""
    lines: list[str] = []
    for field in FIELDS:
        lines += [
            f"# HELP {field.name} {field.text} From a stand-in, not from hardware.",
            f"# TYPE {field.name} {field.kind}",
        ]
        for gpu in gpus:
            text = ",".join(f'{name}="{value}"' for name, value in labels(gpu, hostname).items())
            lines.append(f"{field.name}{{{text}}} {values(gpu)[field.name]:g}")
    return ("\n".join(lines) + "\n").encode()


class StandIn:
    """Holds the settings and serves them."""

    def __init__(self, gpus: list[StandInGpu], hostname: str) -> None:
        self.gpus = gpus
        self.hostname = hostname

    def metrics(self, _request: Request) -> Reply:
        """GET /metrics."""
        return Reply(exposition(self.gpus, self.hostname), content_type=CONTENT_TYPE)

    def settings(self, _request: Request) -> Reply:
        """GET /settings."""
        return Reply({"utilization": {str(gpu.index): gpu.utilization for gpu in self.gpus}})

    def change(self, request: Request) -> Reply:
        """PUT /settings."""
        wanted = request.body.get("utilization") if isinstance(request.body, dict) else None
        if not isinstance(wanted, dict):
            raise BadRequest('send {"utilization": {"0": 12}}')
        known = {str(gpu.index) for gpu in self.gpus}
        for index, value in wanted.items():
            if index not in known:
                raise BadRequest(f"there is no GPU {index!r}; known: {sorted(known)}")
            if not valid_percent(value):
                raise BadRequest(f"the utilization of GPU {index} must be a number from 0 to 100")
        self.gpus = [
            StandInGpu(
                gpu.index, float(wanted.get(str(gpu.index), gpu.utilization)), gpu.pod, gpu.namespace, gpu.container
            )
            for gpu in self.gpus
        ]
        return self.settings(request)

    def routes(self) -> Routes:
        """What is served where."""
        return {
            ("GET", "/metrics"): self.metrics,
            ("GET", "/settings"): self.settings,
            ("PUT", "/settings"): self.change,
            ("GET", "/healthz"): healthy,
        }


def valid_percent(value: Any) -> bool:
    """A number from 0 to 100; NaN and booleans are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 100


def default_gpus(namespace: str) -> list[StandInGpu]:
    """One GPU that a pod is said to hold and one that nobody holds."""
    return [
        StandInGpu(0, 72.0, pod="model-server-standin", namespace=namespace, container="model-server"),
        StandInGpu(1, 0.0),
    ]


if __name__ == "__main__":
    stand_in = StandIn(
        default_gpus(os.environ.get("HELD_IN_NAMESPACE", "models")), os.environ.get("NODE_NAME", "standin")
    )
    serve(stand_in.routes(), int(os.environ.get("PORT", "9400")))
