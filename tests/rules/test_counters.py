# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The counters file holds what rules read, in names that the exporter of that release knows."""

from __future__ import annotations

import csv
import json
import re

import pytest
import yaml
from rules import dcgm_names
from rules.promql import selectors
from rules.rendering import ROLES, render, template_text
from rules.rule_cases import rules

COUNTERS = "{{ __dcgm_exporter_counters_csv }}"
OLD, BETWEEN, NEW = "4.5.0", "4.8.3", "4.9.0"
RELEASES = [OLD, "4.8.2", BETWEEN, NEW]
# Read where an exporter runs with its own default counters, which lack the total.
FOREIGN = {"DCGM_FI_DEV_FB_FREE"}
LABELS = {"DCGM_FI_DRIVER_VERSION", "DCGM_FI_SYSTEM_DRIVER_VERSION"}


def rows(version, **variables):
    text = template_text("dcgm_exporter", COUNTERS, {"dcgm_exporter_version": version, **variables})
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [[cell.strip() for cell in row] for row in csv.reader(lines)]


def fields(version, **variables):
    return [row[0] for row in rows(version, **variables)]


def read_by_rules():
    found = {
        selector.name
        for role in ["dcgm_exporter", "model_monitoring"]
        for rule in rules(role, {"platform_components": [role]})
        for selector in selectors(rule["expr"])
    }
    return {name for name in found if name.startswith("DCGM_")}


@pytest.mark.parametrize("version", RELEASES)
def test_a_row_is_what_the_exporter_reads(version):
    for row in rows(version):
        assert len(row) == 3, "a comma in a help text is a fourth cell, at which the exporter ends"
        assert row[1] in {"gauge", "counter", "label"}
        assert row[2]
    assert len(set(fields(version))) == len(fields(version))


def test_every_field_that_rules_read_is_in_the_file_of_one_generation_or_both():
    assert read_by_rules() - {*fields(BETWEEN), *fields(NEW)} == FOREIGN


def test_every_rule_reads_both_generations():
    read = read_by_rules()
    halves = [pair for pair in dcgm_names.successors().items() if len(read.intersection(pair)) == 1]
    assert halves == []


def test_every_name_that_ended_has_a_successor():
    ended = {row["field"] for row in dcgm_names.table() if "until" in row}
    began = {row["field"] for row in dcgm_names.table() if row.get("since") == dcgm_names.NEW}
    assert set(dcgm_names.successors()) == ended
    assert set(dcgm_names.successors().values()) == began


def test_a_field_is_listed_by_the_release_that_knows_it():
    assert "DCGM_FI_DEV_FABRIC_HEALTH_MASK" not in fields(OLD)
    assert "DCGM_FI_DEV_FABRIC_HEALTH_MASK" in fields("4.7.0")
    assert "DCGM_FI_DEV_FABRIC_HEALTH_SUMMARY" not in fields("4.8.2")
    assert "DCGM_FI_DEV_FABRIC_HEALTH_SUMMARY" in fields(BETWEEN)
    assert {"DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DRIVER_VERSION"} <= set(fields(BETWEEN))
    assert not {"DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DRIVER_VERSION"} & set(fields(NEW))
    assert {"DCGM_FI_DEV_GPU_TEMP_CELSIUS", "DCGM_FI_SYSTEM_DRIVER_VERSION"} <= set(fields(NEW))


@pytest.mark.parametrize("tag", ["4.5.3-4.8.2-distroless", "4.5.3-4.8.2", "4.8.2", "4.8.2-1"])
def test_every_way_to_write_a_release_means_it(tag):
    assert fields(tag) == fields("4.8.2")


def test_a_version_of_two_digits_is_later_than_one_of_one():
    assert fields("4.10.0") == fields(NEW)


def test_profiling_can_be_left_out():
    gone = set(fields(NEW)) - set(fields(NEW, dcgm_exporter_profiling=False))
    assert gone
    assert all(name.startswith("DCGM_FI_PROF_") for name in gone)


def test_a_site_adds_fields_of_its_own():
    extra = [{"field": "DCGM_FI_DEV_FAN_SPEED", "type": "gauge", "help": "Fan"}]
    assert rows(NEW, dcgm_exporter_extra_counters=extra)[-1] == ["DCGM_FI_DEV_FAN_SPEED", "gauge", "Fan"]


@pytest.mark.parametrize("version", RELEASES)
def test_the_number_of_series_is_what_the_page_says(version):
    page = (ROLES.parent / "docs" / "gpu_metrics.md").read_text()
    series = len(set(fields(version)) - LABELS)
    assert f"| {version} | {series} |" in page


def test_what_another_agent_calls_fatal_has_an_alert_here():
    """aws/eks-node-monitoring-agent, monitors/nvidia/dcgm/dcgm_policies.go; NVIDIA ignores 63."""
    fatal = {46, 48, 54, 62, 63, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 142, 143, 151, 155, 156, 158}
    classes = dcgm_names.xid_classes()
    told = {code for name in ["host", "reset", "nvlink", "vendor"] for code in classes[name]}
    assert fatal - told == {63}


def test_no_xid_is_in_two_classes():
    codes = [code for found in dcgm_names.xid_classes().values() for code in found]
    assert len(set(codes)) == len(codes)


def complaint(**variables):
    """What the role's checks say first."""
    known = {"dcgm_exporter_version": "4.8.2"} | variables
    for task in yaml.safe_load((ROLES / "dcgm_exporter" / "tasks" / "check.yml").read_text()):
        check = task.get("ansible.builtin.assert")
        if check is None:
            continue
        items = json.loads(
            template_text("dcgm_exporter", f"{{{{ {task.get('loop', '{{ [0] }}')[3:-3]} | to_json }}}}", known)
        )
        conditions = check["that"] if isinstance(check["that"], list) else [check["that"]]
        for item in items:
            held = template_text(
                "dcgm_exporter", "{{ %s }}" % " and ".join(f"({one})" for one in conditions), {**known, "item": item}
            )
            if held != "True":
                return template_text("dcgm_exporter", check["fail_msg"], {**known, "item": item})
    return ""


def row(**changes):
    return {
        "dcgm_exporter_extra_counters": [{"field": "DCGM_FI_DEV_FAN_SPEED", "type": "gauge", "help": "Fan"} | changes]
    }


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, ""),
        (row(), ""),
        ({"dcgm_exporter_expected_gpus": {"n1": 8, "n2": 0}}, ""),
        ({"dcgm_exporter_version": "latest"}, 'dcgm_exporter_version is "latest"'),
        ({"dcgm_exporter_version": "3.3.9-3.6.1"}, 'dcgm_exporter_version is "3.3.9-3.6.1"'),
        (row(field="FAN"), "names FAN"),
        (row(help="Fan, in percent"), "neither comma nor quote"),
        (row(help='The "fan"'), "neither comma nor quote"),
        (row(field="DCGM_FI_DEV_GPU_TEMP"), "names DCGM_FI_DEV_GPU_TEMP"),
        ({"dcgm_exporter_expected_gpus": {"n1": "eight"}}, 'gives node n1 "eight" GPUs'),
        ({"dcgm_exporter_expected_gpus": {"n1": -1}}, 'gives node n1 "-1" GPUs'),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name(variables, said):
    told = complaint(**variables)
    assert said in told if said else not told


def expected(variables):
    """Regular expressions of nodes by the number of GPUs expected of them."""
    objects = render("dcgm_exporter", "recording-rules.angle.yaml.j2", variables)
    found = [rule for group in objects[0]["spec"]["groups"] for rule in group["rules"]]
    text = "".join(rule["expr"] for rule in found if rule["record"] == "gpu:expected:count")
    return dict(re.findall(r'(\d+) \+ 0 .*?node=~"([^"]*)"', text, re.DOTALL))


HOSTS = {
    "gpu1": {"nvidia_driver_expected_gpus": 8},
    "gpu2": {
        "nvidia_driver_expected_gpus": 8,
        "platform_node_name": "gpu2.example.org",
        "platform_cluster_host": "here",
    },
    "gpu3": {"nvidia_driver_expected_gpus": 4, "platform_cluster_host": "there"},
    "gpu4": {},
    "gpu5": {"nvidia_driver_expected_gpus": 0},
}


def test_the_inventory_of_gpu_hosts_says_how_many_gpus_a_node_has():
    inventory = {
        "inventory_hostname": "here",
        "groups": {"gpu_nodes": list(HOSTS)},
        "hostvars": {name: {"inventory_hostname": name, **values} for name, values in HOSTS.items()},
    }
    assert expected(inventory) == {"8": "gpu1|gpu2[.]example[.]org"}
    wish = {"dcgm_exporter_expected_gpus": {"gpu1": 0, "gpu9": 4}}
    assert expected(inventory | wish) == {"8": "gpu2[.]example[.]org", "4": "gpu9"}


def test_without_numbers_nothing_is_expected():
    assert expected({}) == {}
    assert expected({"groups": {"gpu_nodes": []}}) == {}


def test_an_argument_reaches_the_exporter_of_a_host_as_it_was_written():
    """Specifiers, variables, quotes and backslashes mean something in a unit (systemd.service, systemd.syntax)."""
    template = (ROLES / "dcgm_exporter/templates/exporter.conf.j2").read_text()
    odd = '--note=5% of $HOME, "x" it\'s \\n'
    unit = template_text("dcgm_exporter", template, {"dcgm_exporter_extra_args": ["--kubernetes=false", odd]})
    command = next(line for line in unit.splitlines() if line.startswith("ExecStart=/"))
    assert command.endswith(r''' "--kubernetes=false" "--note=5%% of $$HOME, \"x\" it's \\n"''')
