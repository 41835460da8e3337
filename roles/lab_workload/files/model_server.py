# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small model server: no model inside, but the metric contract of a real one (see docs/model_metrics.md).

POST /infer {"model": "...", "fail": false, "delay": 0} answers like an inference; Prometheus scrapes GET /metrics.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from labhttp import BadRequest, Reply, Request, Routes, healthy, serve
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0)
ERROR_TYPES = ("forced", "timeout")
CACHE_HIT_SHARE = 0.3
MAX_DELAY = 10.0


@dataclass(frozen=True)
class Model:
    """A model this server pretends to hold: its usual latency in seconds and its size in bytes."""

    name: str
    version: str
    latency: float
    size: int
    gpu_id: str


DEFAULT_MODELS = (
    Model("llama-3-8b", "1", 0.040, 16 * 1024**3, "0"),
    Model("mistral-7b", "1", 0.025, 14 * 1024**3, "0"),
)


class Metrics:
    """The metrics of the reference architecture: names, labels and buckets are a contract."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "inference_requests_total", "Total number of inference requests", ["model", "version"], registry=registry
        )
        self.errors = Counter(
            "inference_errors_total",
            "Total number of inference errors",
            ["model", "version", "error_type"],
            registry=registry,
        )
        self.latency = Histogram(
            "inference_latency_seconds",
            "Time spent processing inference requests",
            ["model", "version"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.gpu_memory = Gauge(
            "gpu_memory_usage_bytes", "GPU memory usage in bytes", ["gpu_id", "model"], registry=registry
        )
        self.model_memory = Gauge(
            "model_memory_usage_bytes", "Model memory usage in bytes", ["model", "version"], registry=registry
        )
        self.cache_hits = Counter(
            "cache_hits_total", "Total number of cache hits", ["model", "version"], registry=registry
        )
        self.cache_misses = Counter(
            "cache_misses_total", "Total number of cache misses", ["model", "version"], registry=registry
        )

    def announce(self, model: Model) -> None:
        """Create every series of a model at zero, so that a first error is an increase and not a new series."""
        labels = (model.name, model.version)
        self.requests.labels(*labels)
        for error_type in ERROR_TYPES:
            self.errors.labels(*labels, error_type)
        self.latency.labels(*labels)
        self.gpu_memory.labels(model.gpu_id, model.name).set(model.size)
        self.model_memory.labels(*labels).set(model.size)
        self.cache_hits.labels(*labels)
        self.cache_misses.labels(*labels)


class ModelServer:
    """Answers inferences and counts them. Time, sleep and chance are passed in."""

    def __init__(
        self,
        models: tuple[Model, ...] = DEFAULT_MODELS,
        registry: CollectorRegistry | None = None,
        sleep: Callable[[float], None] = time.sleep,
        chance: random.Random | None = None,
    ) -> None:
        self.registry = registry or CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.models = {model.name: model for model in models}
        self._sleep = sleep
        self._chance = chance or random.Random()  # noqa: S311 - no secret hangs on it
        for model in models:
            self.metrics.announce(model)

    def infer(self, request: Request) -> Reply:
        """POST /infer. fail=true is answered 500 and counted as an error; delay adds that many seconds."""
        body = request.body
        if not isinstance(body, dict):
            raise BadRequest('send {"model": "...", "fail": false}')
        name, fail, delay = body.get("model"), body.get("fail", False), body.get("delay", 0)
        if not isinstance(fail, bool):
            raise BadRequest("fail must be true or false")
        if not isinstance(delay, (int, float)) or not 0 <= delay <= MAX_DELAY:
            raise BadRequest(f"delay must be a number of seconds from 0 to {MAX_DELAY:g}")
        model = self.models.get(str(name))
        if model is None:
            return Reply({"error": f"model {name!r} is not here; known: {sorted(self.models)}"}, status=404)
        labels = (model.name, model.version)
        seconds = model.latency * self._chance.lognormvariate(0, 0.25) + delay
        self._sleep(seconds)
        self.metrics.requests.labels(*labels).inc()
        self.metrics.latency.labels(*labels).observe(seconds)
        if fail:
            self.metrics.errors.labels(*labels, "forced").inc()
            return Reply({"model": model.name, "error": "failed as asked"}, status=500)
        hit = self._chance.random() < CACHE_HIT_SHARE
        (self.metrics.cache_hits if hit else self.metrics.cache_misses).labels(*labels).inc()
        return Reply({"model": model.name, "version": model.version, "seconds": seconds, "cached": hit})

    def exposition(self, _request: Request) -> Reply:
        """GET /metrics."""
        return Reply(generate_latest(self.registry), content_type=CONTENT_TYPE_LATEST)

    def routes(self) -> Routes:
        """What is served where."""
        return {
            ("POST", "/infer"): self.infer,
            ("GET", "/metrics"): self.exposition,
            ("GET", "/healthz"): healthy,
        }


if __name__ == "__main__":
    serve(ModelServer().routes(), int(os.environ.get("PORT", "8000")))
