# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ollama-standin: the ollama_* series of the reference architecture, for an Ollama that is not there.

Ollama itself serves no /metrics, so these need an exporter in a real fleet. The reference labels two gauges `instance`;
Prometheus owns that name for the target, so here it is `ollama_instance`.
"""

from __future__ import annotations

import os

from labhttp import Reply, Request, Routes, healthy, serve
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, Histogram, generate_latest

MODELS = {"llama3": 4_700_000_000, "qwen2": 4_400_000_000}
NOTE = " (stand-in, not measured)"


def build_registry(instance: str) -> CollectorRegistry:
    """All series, with fixed values."""
    registry = CollectorRegistry()
    queue = Gauge(
        "ollama_queue_size", "Number of requests in queue" + NOTE, ["model", "ollama_instance"], registry=registry
    )
    load = Histogram(
        "ollama_model_load_seconds", "Time taken to load model" + NOTE, ["model", "version"], registry=registry
    )
    memory = Gauge(
        "ollama_memory_usage_bytes",
        "Memory usage per OLLAMA instance" + NOTE,
        ["ollama_instance", "model"],
        registry=registry,
    )
    for model, size in MODELS.items():
        queue.labels(model, instance).set(0)
        load.labels(model, "latest").observe(3.2)
        memory.labels(instance, model).set(size)
    return registry


def routes(registry: CollectorRegistry) -> Routes:
    """What is served where."""

    def metrics(_request: Request) -> Reply:
        return Reply(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return {("GET", "/metrics"): metrics, ("GET", "/healthz"): healthy}


if __name__ == "__main__":
    serve(routes(build_registry(os.environ.get("INSTANCE", "ollama-standin-0"))), int(os.environ.get("PORT", "8000")))
