# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins look like what they stand for, and say what they are."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("prometheus_client", reason="the stand-ins are read with prometheus_client")

from dcgm_exporter_standin import FIELDS, XIDS, StandIn, default_gpus
from labhttp import answer
from ollama_standin import build_registry, routes
from prometheus_client.parser import text_string_to_metric_families
from rules import dcgm_names

ALWAYS = {"gpu", "UUID", "pci_bus_id", "device", "modelName", "Hostname", "DCGM_FI_DRIVER_VERSION"}
HELD = {"namespace", "pod", "container"}


@pytest.fixture
def dcgm():
    return StandIn(default_gpus("models"), "n1")


@pytest.fixture
def dcgm_new():
    return StandIn(default_gpus("models"), "n1", "new")


def put(stand_in, settings):
    return answer(stand_in.routes(), "PUT", "/settings", json.dumps(settings).encode())


def names(samples):
    """Names of samples; the parser puts `_total` behind those of counters."""
    return [sample.name.removesuffix("_total") for sample in samples]


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
    assert names(family.samples[0] for family in found) == [*(field.name for field in FIELDS), XIDS]
    assert all(len(family.samples) == 2 for family in found)


def test_the_new_generation_has_other_names_units_and_labels(dcgm, dcgm_new):
    old = [family.samples[0] for family in families(dcgm.routes())]
    new = [family.samples[0] for family in families(dcgm_new.routes())]
    assert names(new) == [*(field.renamed or field.name for field in FIELDS), XIDS]
    assert [sample.value for sample in new[:-1]] == [
        pytest.approx(field.factor * sample.value) for field, sample in zip(FIELDS, old[:-1], strict=True)
    ]
    assert {"hostname", "DCGM_FI_SYSTEM_DRIVER_VERSION"} <= set(new[0].labels)
    assert not {"Hostname", "DCGM_FI_DRIVER_VERSION"} & set(new[0].labels)


def test_names_and_renames_are_those_of_the_counters_file():
    successors = dcgm_names.successors()
    assert {field.name for field in FIELDS} | {XIDS} <= {row["field"] for row in dcgm_names.table()}
    assert {field.name: field.renamed for field in FIELDS} == {
        field.name: successors.get(field.name, "") for field in FIELDS
    }


def test_an_unknown_generation_is_refused():
    with pytest.raises(ValueError, match="GENERATION is 'newer'"):
        StandIn([], "n1", "newer")


def test_xids_are_told_by_code_and_end(dcgm):
    assert put(dcgm, {"xids": {"1": [79, 31]}}).status == 200
    found = next(family for family in families(dcgm.routes()) if family.name == XIDS)
    told = [(sample.labels["gpu"], sample.labels.get("xid"), sample.value) for sample in found.samples]
    assert told == [("0", None, 0), ("1", "79", 1), ("1", "31", 1)]
    put(dcgm, {"xids": {"1": []}})
    found = next(family for family in families(dcgm.routes()) if family.name == XIDS)
    assert [sample.labels.get("xid") for sample in found.samples] == [None, None]


def test_a_value_can_be_set_by_its_old_name(dcgm_new):
    assert put(dcgm_new, {"values": {"0": {"DCGM_FI_DEV_ROW_REMAP_FAILURE": 1}}}).status == 200
    found = next(found for found in families(dcgm_new.routes()) if found.name == "DCGM_FI_DEV_ROW_REMAP_FAILED")
    assert [sample.value for sample in found.samples] == [1, 0]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        [],
        {"xids": {"0": [0]}},
        {"xids": {"0": 79}},
        {"values": {"0": {"NO_SUCH": 1}}},
        {"other": {}},
        {"xids": [79]},
    ],
)
def test_other_bad_settings_are_refused(dcgm, settings):
    before = families(dcgm.routes())
    assert put(dcgm, settings).status == 400
    assert families(dcgm.routes()) == before


def test_only_a_held_gpu_carries_a_pod(dcgm):
    for family in families(dcgm.routes()):
        if family.name == XIDS:
            continue
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
    assert answer(dcgm.routes(), "PUT", "/settings", body).body["utilization"] == {"0": 5.0, "1": 0.0}
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
