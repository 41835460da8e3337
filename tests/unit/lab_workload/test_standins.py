# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins look like what they stand for, and say what they are."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("prometheus_client", reason="the stand-ins are read with prometheus_client")

from dcgm_exporter_standin import FIELDS, StandIn, default_gpus
from labhttp import answer
from ollama_standin import build_registry, routes
from prometheus_client.parser import text_string_to_metric_families

ALWAYS = {"gpu", "UUID", "pci_bus_id", "device", "modelName", "Hostname", "DCGM_FI_DRIVER_VERSION"}
HELD = {"namespace", "pod", "container"}


@pytest.fixture
def dcgm():
    return StandIn(default_gpus("models"), "n1")


def families(handler_routes):
    reply = answer(handler_routes, "GET", "/metrics", b"")
    return list(text_string_to_metric_families(reply.body.decode()))


def utilization(dcgm):
    return {
        sample.labels["gpu"]: sample.value
        for family in families(dcgm.routes())
        if family.name == "DCGM_FI_DEV_GPU_UTIL"
        for sample in family.samples
    }


def test_every_field_has_a_series_for_every_gpu(dcgm):
    found = families(dcgm.routes())
    assert [family.name for family in found] == [field.name for field in FIELDS]
    assert all(len(family.samples) == 2 for family in found)


def test_only_a_held_gpu_carries_a_pod(dcgm):
    for family in families(dcgm.routes()):
        held, idle = (set(sample.labels) for sample in family.samples)
        assert held == ALWAYS | HELD
        assert idle == ALWAYS


def test_engine_activity_is_a_ratio_of_the_utilization(dcgm):
    values = {family.name: family.samples[0].value for family in families(dcgm.routes())}
    assert values["DCGM_FI_PROF_GR_ENGINE_ACTIVE"] * 100 == pytest.approx(values["DCGM_FI_DEV_GPU_UTIL"])


def test_it_says_everywhere_that_it_is_a_stand_in(dcgm):
    for family in families(dcgm.routes()):
        assert "stand-in" in family.documentation
        assert all("standin" in sample.labels["UUID"] for sample in family.samples)
    for family in families(routes(build_registry("x"))):
        if not family.name.endswith("_created"):
            assert "stand-in" in family.documentation


def test_utilization_can_be_set(dcgm):
    body = json.dumps({"utilization": {"0": 5}}).encode()
    assert answer(dcgm.routes(), "PUT", "/settings", body).body == {"utilization": {"0": 5.0, "1": 0.0}}
    assert utilization(dcgm) == {"0": 5.0, "1": 0.0}


@pytest.mark.parametrize("wanted", [{"7": 5}, {"0": 101}, {"0": -1}, {"0": True}, {"0": "5"}, [], None])
def test_a_bad_setting_is_refused_and_changes_nothing(dcgm, wanted):
    before = utilization(dcgm)
    body = json.dumps({"utilization": wanted}).encode()
    assert answer(dcgm.routes(), "PUT", "/settings", body).status == 400
    assert utilization(dcgm) == before


def test_ollama_series_are_those_of_the_reference_but_for_the_colliding_label():
    found = {family.name: family for family in families(routes(build_registry("o-1")))}
    labels = {name: set(family.samples[0].labels) - {"le"} for name, family in found.items() if "_created" not in name}
    assert labels == {
        "ollama_queue_size": {"model", "ollama_instance"},
        "ollama_model_load_seconds": {"model", "version"},
        "ollama_memory_usage_bytes": {"ollama_instance", "model"},
    }
