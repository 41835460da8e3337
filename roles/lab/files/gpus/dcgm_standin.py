# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a dcgm-exporter tells, for GPUs the lab does not have: the real one's counters file, names, units and labels.

Nothing here is measured. PUT /settings changes what is told: {"utilization": {"0": 12}}, {"xids": {"0": [79]}},
{"values": {"1": {"DCGM_FI_DEV_ROW_REMAP_PENDING": 1}}}, the latter with the names of exporters before 4.9, whatever the
counters file has. Every HELP text says that it is a stand-in's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from dcgm_fields import ABSENT, BY_NAME, DRIVER, FIELDS, XIDS, Row, StandInGpu, values
from labhttp import BadRequest, Reply, Request, Routes, healthy

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Holders = Callable[[], Mapping[str, Mapping[str, str]]]
"""Gives the labels of the pod that holds a GPU, by the GPU's UUID."""
Samples = Iterable[tuple[Mapping[str, str], float]]


def family(row: Row, samples: Samples) -> Iterator[str]:
    """Lines of one metric."""
    yield f"# HELP {row.field} {row.text}. From a stand-in, not from hardware."
    yield f"# TYPE {row.field} {row.kind}"
    for own, value in samples:
        inner = ",".join(f'{label}="{content}"' for label, content in own.items())
        yield f"{row.field}{{{inner}}} {value:.15g}"


class StandIn:
    """Holds the settings and serves them."""

    def __init__(self, gpus: Iterable[StandInGpu], hostname: str, rows: Iterable[Row], holders: Holders = dict) -> None:
        self.gpus = list(gpus)
        self.rows = list(rows)
        self._holders = holders
        known = [BY_NAME[row.field] for row in self.rows if row.field in BY_NAME]
        served = {row.field for row in self.rows}
        new = any(one.renamed in served for one in known)
        names = [row.field for row in self.rows if row.kind == "label" and row.field in DRIVER]
        self._host = {"hostname" if new else "Hostname": hostname, **dict.fromkeys(names, "standin")}

    def _labels(self, gpu: StandInGpu, held: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """dcgm-exporter's labels; the pod ones only where a pod holds the GPU."""
        return {
            "gpu": str(gpu.index),
            "UUID": gpu.uuid,
            "pci_bus_id": f"00000000:{gpu.index:02X}:00.0",
            "device": f"nvidia{gpu.index}",
            "modelName": "Stand-in GPU (no hardware)",
            **self._host,
            **held.get(gpu.uuid, {}),
        }

    def _xids(self, held: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[dict[str, str], float]]:
        """One sample for each code of a GPU; 0 and no code for a GPU without."""
        for gpu in self.gpus:
            own = {**self._labels(gpu, held), "window_size_in_ms": "300000"}
            yield from (({**own, "xid": str(code)}, 1) for code in gpu.xids)
            if not gpu.xids:
                yield own, 0

    def exposition(self) -> bytes:
        """Prometheus text for every row of all GPUs."""
        held = self._holders()
        told = {gpu.index: values(gpu, gpu.uuid in held) for gpu in self.gpus}
        lines: list[str] = []
        for row in self.rows:
            if row.field == XIDS:
                lines += family(row, self._xids(held))
            elif row.kind != "label" and row.field not in ABSENT:
                name = BY_NAME[row.field].name
                samples = ((self._labels(gpu, held), row.factor * told[gpu.index][name]) for gpu in self.gpus)
                lines += family(row, samples)
        return ("\n".join(lines) + "\n").encode()

    def metrics(self, _request: Request) -> Reply:
        """GET /metrics."""
        return Reply(self.exposition(), content_type=CONTENT_TYPE)

    def settings(self, _request: Request) -> Reply:
        """GET /settings."""
        return Reply(
            {
                "utilization": {str(gpu.index): gpu.utilization for gpu in self.gpus if gpu.utilization is not None},
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
    """The GPU with another utilization, in percent; null for what its holder makes of it."""
    if value is not None and (not is_number(value) or not 0 <= value <= 100):
        raise BadRequest(f"the utilization of GPU {gpu.index} must be a number from 0 to 100, or null")
    return replace(gpu, utilization=value)


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
