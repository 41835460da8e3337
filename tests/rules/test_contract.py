# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals are a contract: every series a rule reads is emitted, scraped by a monitor that is selected, and kept."""

from __future__ import annotations

from functools import cache

import pytest
import yaml
from rules.promql import matchers, relabeled, selectors
from rules.rendering import ROOT, render, templates
from rules.rule_cases import ROLES_WITH_RULES, rule_objects, rules

EXPORTERS = yaml.safe_load((ROOT / "tests" / "rules" / "exporters.yml").read_text())
# What service discovery gives every target, and what Prometheus records about each scrape itself.
TARGET_LABELS = {"job", "instance", "namespace", "pod", "container", "service", "endpoint"}
OWN_SERIES = {"up", "scrape_duration_seconds", "scrape_samples_scraped"}
# A site that says all that rules can depend on.
SETTINGS = {"platform_cluster": "test", "dcgm_exporter_expected_gpus": {"n1": 8}}


@cache
def objects(role):
    return [item for name in templates(role) for item in render(role, name, SETTINGS)]


def monitor(kind, name, role, **_rest):
    found = [item for item in objects(role) if item["kind"] == kind and item["metadata"]["name"] == name]
    assert len(found) == 1, f"{role} renders {len(found)} {kind} named {name}"
    return found[0]


def endpoints(reference):
    """The endpoints of a monitor that serve an exporter; a ScrapeConfig is one itself."""
    spec = monitor(**reference)["spec"]
    if reference["kind"] == "ScrapeConfig":
        return [spec]
    found = spec.get("endpoints") or spec.get("podMetricsEndpoints")
    return [endpoint for endpoint in found if endpoint["port"] == reference["port"]]


def exporters_of(metric):
    return [exporter for exporter in EXPORTERS.values() if metric in exporter["metrics"]]


def arrives(metric, exporter):
    """Whether a monitor of the exporter keeps the metric."""
    labels = {"__name__": metric, "namespace": "n", "pod": "p"} | dict.fromkeys(exporter["metrics"][metric], "x")
    return any(
        relabeled(labels, endpoint.get("metricRelabelings", [])) is not None
        for reference in exporter["monitors"]
        for endpoint in endpoints(reference)
    )


def recorded():
    return {rule["record"] for role in ROLES_WITH_RULES for rule in rules(role, SETTINGS) if "record" in rule}


def used():
    """Role, rule and selector for all that rules read from exporters."""
    own = recorded() | OWN_SERIES
    return [
        pytest.param(selector, id=f"{role}-{rule.get('alert') or rule['record']}-{selector.name}")
        for role in ROLES_WITH_RULES
        for rule in rules(role, SETTINGS)
        for selector in selectors(rule["expr"])
        if selector.name not in own
    ]


@pytest.mark.parametrize("selector", used())
def test_a_rule_reads_only_what_is_emitted_and_kept(selector):
    assert exporters_of(selector.name), f"no exporter in exporters.yml emits {selector.name}"
    assert any(arrives(selector.name, exporter) for exporter in exporters_of(selector.name)), (
        f"every monitor drops {selector.name}"
    )


@pytest.mark.parametrize("selector", used())
def test_a_rule_matches_only_labels_that_exist(selector):
    for label, operator, value in matchers(selector):
        for exporter in exporters_of(selector.name):
            known = {*exporter["metrics"][selector.name], *exporter.get("target_labels", []), *TARGET_LABELS}
            assert label in known, f"{selector.name} has no label {label}"
            if label == "job" and operator == "Equal":
                assert value == exporter["job"]


def test_a_rule_about_up_names_a_job_that_exists():
    jobs = {exporter["job"] for exporter in EXPORTERS.values()}
    found = {
        value
        for role in ROLES_WITH_RULES
        for rule in rules(role, SETTINGS)
        for selector in selectors(rule["expr"])
        if selector.name in OWN_SERIES
        for label, operator, value in matchers(selector)
        if label == "job" and operator == "Equal"
    }
    assert found <= jobs


@pytest.mark.parametrize("name", sorted(EXPORTERS))
def test_a_monitor_is_one_that_prometheus_selects(name):
    selector = next(item for item in objects("prometheus") if item["kind"] == "Prometheus")["spec"]
    for reference in EXPORTERS[name]["monitors"]:
        found = monitor(**reference)
        wanted = selector[found["kind"][0].lower() + found["kind"][1:] + "Selector"]["matchLabels"]
        assert wanted.items() <= found["metadata"]["labels"].items()
        assert endpoints(reference), "no endpoint with that port"


@pytest.mark.parametrize("role", ROLES_WITH_RULES)
def test_rules_are_ones_that_prometheus_selects(role):
    selector = next(item for item in objects("prometheus") if item["kind"] == "Prometheus")["spec"]["ruleSelector"]
    for item in rule_objects(role, SETTINGS):
        assert selector["matchLabels"].items() <= item["metadata"]["labels"].items()


@pytest.mark.parametrize("exporter", ["model_server", "ollama"])
def test_every_metric_of_the_reference_arrives(exporter):
    assert [name for name in EXPORTERS[exporter]["metrics"] if not arrives(name, EXPORTERS[exporter])] == []


def test_the_keep_list_of_the_reference_would_be_noticed():
    seed = [{"sourceLabels": ["__name__"], "regex": "inference_latency_.*", "action": "keep"}]
    assert relabeled({"__name__": "inference_latency_seconds_sum"}, seed) is not None
    assert relabeled({"__name__": "inference_errors_total"}, seed) is None


def test_an_own_instance_label_gets_a_name_of_its_own():
    reference = EXPORTERS["ollama"]["monitors"][0]
    labels = {"__name__": "ollama_queue_size", "instance": "target", "exported_instance": "gpu-7"}
    assert relabeled(labels, endpoints(reference)[0]["metricRelabelings"]) == {
        "__name__": "ollama_queue_size",
        "instance": "target",
        "ollama_instance": "gpu-7",
    }


def test_the_detailed_endpoint_has_a_job_of_its_own():
    found = render("model_monitoring", "model-server.yaml.j2", {"model_monitoring_detailed_endpoint": True})
    jobs = [
        relabeling["replacement"]
        for endpoint in found[0]["spec"]["endpoints"]
        for relabeling in endpoint["relabelings"]
        if relabeling["targetLabel"] == "job"
    ]
    assert jobs == ["model-server", "model-server-detailed"]
