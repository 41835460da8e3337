# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model server's exposition is the contract of docs/model_metrics.md, to the last bucket."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("prometheus_client", reason="the model server needs prometheus_client")

from labhttp import Request, answer
from model_server import LATENCY_BUCKETS, ModelServer
from prometheus_client.parser import text_string_to_metric_families

MODEL = {"model": "llama-3-8b", "version": "1"}
# Metric family, type and labels as the reference architecture writes them.
REFERENCE = {
    "inference_requests": ("counter", {"model", "version"}),
    "inference_errors": ("counter", {"model", "version", "error_type"}),
    "inference_latency_seconds": ("histogram", {"model", "version"}),
    "gpu_memory_usage_bytes": ("gauge", {"gpu_id", "model"}),
    "model_memory_usage_bytes": ("gauge", {"model", "version"}),
    "cache_hits": ("counter", {"model", "version"}),
    "cache_misses": ("counter", {"model", "version"}),
}


@pytest.fixture
def server():
    return ModelServer(sleep=lambda _seconds: None, chance=random.Random(1))


def families(server):
    text = server.exposition(Request({})).body.decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(server, name, **labels):
    return server.registry.get_sample_value(name, labels)


def infer(server, **body):
    return server.infer(Request({}, body))


def test_names_types_and_labels_are_those_of_the_reference(server):
    found = {name: family for name, family in families(server).items() if not name.endswith("_created")}
    assert set(found) == set(REFERENCE)
    for name, (kind, labels) in REFERENCE.items():
        assert found[name].type == kind
        for sample in found[name].samples:
            assert set(sample.labels) - {"le"} == labels


def test_buckets_are_those_of_the_reference(server):
    samples = families(server)["inference_latency_seconds"].samples
    bounds = [
        sample.labels["le"]
        for sample in samples
        if sample.labels.get("model") == "llama-3-8b" and "le" in sample.labels
    ]
    reference = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0]
    assert [float(bound) for bound in bounds] == [*reference, float("inf")]
    assert list(LATENCY_BUCKETS) == reference


def test_every_series_starts_at_zero_before_the_first_request(server):
    assert value(server, "inference_requests_total", **MODEL) == 0
    assert value(server, "inference_errors_total", **MODEL, error_type="forced") == 0
    assert value(server, "inference_latency_seconds_count", **MODEL) == 0


def test_a_good_inference_is_counted_and_timed(server):
    reply = infer(server, model="llama-3-8b")
    assert reply.status == 200
    assert value(server, "inference_requests_total", **MODEL) == 1
    assert value(server, "inference_errors_total", **MODEL, error_type="forced") == 0
    assert value(server, "inference_latency_seconds_sum", **MODEL) == pytest.approx(reply.body["seconds"])
    hits, misses = (value(server, f"cache_{kind}_total", **MODEL) for kind in ("hits", "misses"))
    assert hits + misses == 1


def test_a_failed_inference_counts_as_request_and_as_error(server):
    assert infer(server, model="llama-3-8b", fail=True).status == 500
    assert value(server, "inference_requests_total", **MODEL) == 1
    assert value(server, "inference_errors_total", **MODEL, error_type="forced") == 1


def test_a_delay_is_part_of_the_latency(server):
    assert infer(server, model="llama-3-8b", delay=2).body["seconds"] > 2
    assert value(server, "inference_latency_seconds_bucket", **MODEL, le="1.0") == 0
    assert value(server, "inference_latency_seconds_bucket", **MODEL, le="2.5") == 1


def test_an_unknown_model_is_told_and_not_counted(server):
    reply = infer(server, model="gpt")
    assert reply.status == 404
    assert "llama-3-8b" in reply.body["error"]
    assert all(value(server, "inference_requests_total", model=name, version="1") == 0 for name in server.models)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"model": "llama-3-8b", "fail": "yes"}', b'{"model": "llama-3-8b", "delay": 11}', b"{"]
)
def test_a_bad_body_is_the_callers_mistake(server, raw):
    assert answer(server.routes(), "POST", "/infer", raw).status == 400
