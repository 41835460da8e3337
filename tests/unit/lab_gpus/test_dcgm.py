# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in exporter looks like a real one with the role's counters file, and says what it is."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("prometheus_client", reason="the stand-in is read with prometheus_client")

from dcgm_fields import ABSENT, BY_NAME, DRIVER, FIELDS, XIDS, StandInGpu, rows_of
from dcgm_standin import StandIn
from labhttp import answer
from prometheus_client.parser import text_string_to_metric_families
from rules import dcgm_names
from rules.rendering import template_text

ALWAYS = {"gpu", "UUID", "pci_bus_id", "device", "modelName", "Hostname", "DCGM_FI_DRIVER_VERSION"}
HELD = {"GPU-standin-0": {"namespace": "models", "pod": "a", "container": "b"}}
RELEASES = {"old": "4.8.2", "new": "4.9.0"}


def counters(generation="old"):
    """The role's own file for a release."""
    release = {"dcgm_exporter_version": RELEASES[generation]}
    return rows_of(template_text("dcgm_exporter", "{{ __dcgm_exporter_counters_csv }}", release).splitlines())


def made(generation="old"):
    return StandIn([StandInGpu(0), StandInGpu(1)], "n1", counters(generation), lambda: HELD)


@pytest.fixture
def dcgm():
    return made()


@pytest.fixture
def dcgm_new():
    return made("new")


def put(stand_in, settings):
    return answer(stand_in.routes(), "PUT", "/settings", json.dumps(settings).encode())


def families(stand_in):
    reply = answer(stand_in.routes(), "GET", "/metrics", b"")
    return {family.name: family for family in text_string_to_metric_families(reply.body.decode())}


def one(stand_in, name):
    return families(stand_in)[name].samples


def utilization(stand_in):
    return {sample.labels["gpu"]: sample.value for sample in one(stand_in, "DCGM_FI_DEV_GPU_UTIL")}


@pytest.mark.parametrize("generation", ["old", "new"])
def test_every_row_of_the_counters_file_has_a_series_for_every_gpu_that_has_it(generation):
    rows = {row.field: row.kind for row in counters(generation) if row.field not in ABSENT and row.field not in DRIVER}
    found = families(made(generation))
    assert {name: family.type for name, family in found.items()} == rows
    assert all(len(family.samples) == 2 for family in found.values())


def test_the_new_generation_has_other_names_units_and_labels(dcgm, dcgm_new):
    before, after = families(dcgm), families(dcgm_new)
    compared = [field for field in FIELDS if field.name in before and field.renamed in after]
    assert len(compared) > 15
    for field in compared:
        old, new = before[field.name].samples[0].value, after[field.renamed].samples[0].value
        assert new == pytest.approx(field.factor * old), field
    labels = set(one(dcgm_new, "DCGM_FI_DEV_GPU_UTIL_RATIO")[0].labels)
    assert {"hostname", "DCGM_FI_SYSTEM_DRIVER_VERSION"} <= labels
    assert not {"Hostname", "DCGM_FI_DRIVER_VERSION"} & labels


def test_names_and_renames_are_those_of_the_counters_file():
    successors = dcgm_names.successors()
    assert set(BY_NAME) | ABSENT | {XIDS, *DRIVER} == {row["field"] for row in dcgm_names.table()}
    assert {field.name: field.renamed for field in FIELDS} == {
        field.name: successors.get(field.name, "") for field in FIELDS
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("DCGM_FI_DEV_NO_SUCH, gauge, x", "line 2 of the counters file: there is no field DCGM_FI_DEV_NO_SUCH"),
        ("DCGM_FI_DEV_GPU_UTIL, gauge", "line 2 of the counters file has 2 cells and not 3"),
        ("DCGM_FI_DEV_GPU_UTIL, gouge, x", "line 2 of the counters file: gouge is no type"),
    ],
)
def test_a_bad_row_ends_it_like_a_real_exporter(line, words):
    with pytest.raises(ValueError, match=words):
        rows_of(["# counters", line])


def test_xids_are_told_by_code_and_end(dcgm):
    assert put(dcgm, {"xids": {"1": [79, 31]}}).status == 200
    told = [(sample.labels["gpu"], sample.labels.get("xid"), sample.value) for sample in one(dcgm, XIDS)]
    assert told == [("0", None, 0), ("1", "79", 1), ("1", "31", 1)]
    put(dcgm, {"xids": {"1": []}})
    assert [sample.labels.get("xid") for sample in one(dcgm, XIDS)] == [None, None]


def test_a_value_can_be_set_by_its_old_name(dcgm_new):
    assert put(dcgm_new, {"values": {"0": {"DCGM_FI_DEV_ROW_REMAP_FAILURE": 1}}}).status == 200
    assert [sample.value for sample in one(dcgm_new, "DCGM_FI_DEV_ROW_REMAP_FAILED")] == [1, 0]


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
        *({"utilization": wanted} for wanted in ({"7": 5}, {"0": 101}, {"0": -1}, {"0": True}, {"0": "5"}, [], None)),
    ],
)
def test_a_bad_setting_is_refused_and_changes_nothing(dcgm, settings):
    before = families(dcgm)
    assert put(dcgm, settings).status == 400
    assert families(dcgm) == before


def test_only_a_held_gpu_carries_a_pod_and_works(dcgm):
    held, idle = one(dcgm, "DCGM_FI_DEV_FB_USED")
    assert held.labels.items() >= HELD["GPU-standin-0"].items()
    assert set(idle.labels) == ALWAYS
    assert held.value > idle.value == 0
    assert utilization(dcgm) == {"0": 72, "1": 0}


def test_engine_activity_is_a_ratio_of_the_utilization(dcgm):
    assert one(dcgm, "DCGM_FI_PROF_GR_ENGINE_ACTIVE")[0].value == 0.72


def test_it_says_everywhere_that_it_is_a_stand_in(dcgm):
    for family in families(dcgm).values():
        assert "stand-in" in family.documentation
        assert all("standin" in sample.labels["UUID"] for sample in family.samples)


def test_utilization_can_be_set_and_given_back(dcgm):
    assert put(dcgm, {"utilization": {"0": 5}}).body["utilization"] == {"0": 5}
    assert utilization(dcgm) == {"0": 5, "1": 0}
    put(dcgm, {"utilization": {"0": None}})
    assert utilization(dcgm) == {"0": 72, "1": 0}
