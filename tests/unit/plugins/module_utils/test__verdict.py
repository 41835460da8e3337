# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule against its fixtures, and laws that hold for all rules."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Status, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import (
    RULES,
    CustomCondition,
    assess,
    settles_at_once,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts import custom, static
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import kind_of
from hypothesis import given, settings
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[2] / "fixtures" / "verdicts"
CURRENT, PROGRESS = (Status.CURRENT, False), (Status.IN_PROGRESS, False)
FAILED, HOPELESS = (Status.FAILED, False), (Status.FAILED, True)

YIELDS = {
    "Deployment": {CURRENT, PROGRESS, FAILED, HOPELESS},
    "StatefulSet": {CURRENT, PROGRESS, FAILED},
    "DaemonSet": {CURRENT, PROGRESS, FAILED},
    "ReplicaSet": {CURRENT, PROGRESS, FAILED},
    "ReplicationController": {CURRENT, PROGRESS, FAILED},
    "Pod": {CURRENT, PROGRESS, HOPELESS},
    "Job": {CURRENT, PROGRESS, HOPELESS},
    "CronJob": {CURRENT},
    "PersistentVolumeClaim": {CURRENT, PROGRESS, HOPELESS},
    "PersistentVolume": {CURRENT, PROGRESS, HOPELESS},
    "Service": {CURRENT, PROGRESS},
    "Ingress": {CURRENT},
    "HorizontalPodAutoscaler": {CURRENT, PROGRESS, FAILED},
    "PodDisruptionBudget": {CURRENT, PROGRESS, FAILED},
    "CustomResourceDefinition": {CURRENT, PROGRESS, HOPELESS},
    "APIService": {CURRENT, PROGRESS},
    "Namespace": {CURRENT, PROGRESS},
    "Prometheus": {CURRENT, PROGRESS, FAILED, HOPELESS},
    "PrometheusAgent": {CURRENT, PROGRESS, FAILED, HOPELESS},
    "Alertmanager": {CURRENT, PROGRESS, FAILED, HOPELESS},
    "ThanosRuler": {CURRENT, PROGRESS, FAILED, HOPELESS},
    "ServiceMonitor": {CURRENT, PROGRESS, FAILED},
    "PodMonitor": {CURRENT, PROGRESS, FAILED},
    "Probe": {CURRENT, PROGRESS, FAILED},
    "PrometheusRule": {CURRENT, PROGRESS, FAILED},
    "ScrapeConfig": {CURRENT, PROGRESS, FAILED},
    "AlertmanagerConfig": {CURRENT, PROGRESS, FAILED},
    "CephCluster": {CURRENT, PROGRESS, FAILED},
    "CephBlockPool": {CURRENT, PROGRESS, FAILED},
    "CephBlockPoolRadosNamespace": {CURRENT, PROGRESS, FAILED},
    "CephFilesystem": {CURRENT, PROGRESS, FAILED},
    "CephFilesystemSubVolumeGroup": {CURRENT, PROGRESS, FAILED},
    "CephClient": {CURRENT, PROGRESS, FAILED},
    "CephNFS": {CURRENT, PROGRESS, FAILED},
    "CephObjectStoreUser": {CURRENT, PROGRESS, FAILED},
    "CephObjectRealm": {CURRENT, PROGRESS, FAILED},
    "CephObjectZoneGroup": {CURRENT, PROGRESS, FAILED},
    "CephObjectZone": {CURRENT, PROGRESS, FAILED},
    "CephObjectStore": {CURRENT, PROGRESS, FAILED, HOPELESS},
    "ObjectBucketClaim": {CURRENT, PROGRESS, FAILED},
    "Grafana": {CURRENT, PROGRESS, FAILED, HOPELESS},
    "GrafanaDashboard": {CURRENT, PROGRESS, FAILED, HOPELESS},
    "GrafanaDatasource": {CURRENT, PROGRESS, FAILED, HOPELESS},
    "GrafanaFolder": {CURRENT, PROGRESS, FAILED, HOPELESS},
    "LokiStack": {CURRENT, PROGRESS, FAILED},
    "TempoStack": {CURRENT, PROGRESS, FAILED},
    "Issuer": {CURRENT, PROGRESS, FAILED},
    "ClusterIssuer": {CURRENT, PROGRESS, FAILED},
    "Certificate": {CURRENT, PROGRESS, FAILED},
    "CertificateRequest": {CURRENT, PROGRESS, HOPELESS},
}
"""Which verdicts a kind's rule can give: (status, terminal)."""


def _cases():
    for path in sorted(FIXTURES.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document:
                yield pytest.param(document, id="%s: %s" % (path.stem, document["case"]))


CASES = list(_cases())
WITH_RULE = [key for key, rule in RULES.items() if rule is not static.exists]
STATIC = [key for key, rule in RULES.items() if rule is static.exists]


def judged(case) -> Verdict:
    return assess(
        case["object"],
        case.get("children", ()),
        [CustomCondition(**condition) for condition in case.get("conditions", ())],
        reports_status=case.get("reports_status"),
    )


@pytest.mark.parametrize("case", CASES)
def test_fixture(case):
    verdict = judged(case)
    assert verdict.status.value == case["status"], verdict
    assert verdict.terminal is case.get("terminal", False), verdict
    assert case.get("reason", "") in verdict.reason
    assert verdict.reason or verdict.status is Status.CURRENT, "only what is current needs no reason"


def test_every_kind_has_a_fixture_for_every_verdict_it_can_give():
    seen = {}
    for param in CASES:
        case = param.values[0]
        if kind_of(case["object"]) in WITH_RULE and not case.get("conditions"):
            verdict = (Status(case["status"]), case.get("terminal", False))
            seen.setdefault(case["object"]["kind"], set()).add(verdict)
    assert {kind for _group, kind in WITH_RULE} == set(YIELDS)
    assert seen == YIELDS


@pytest.mark.parametrize("key", STATIC, ids="/".join)
def test_what_has_nothing_to_get_ready_is_current_once_it_exists(key):
    group, kind = key
    assert assess({"apiVersion": group + "/v1" if group else "v1", "kind": kind, "metadata": {"name": "a"}}) == Verdict(
        Status.CURRENT
    )
    assert settles_at_once(group, kind)


def test_a_condition_of_the_site_makes_a_static_kind_worth_watching():
    assert not settles_at_once("", "ConfigMap", [CustomCondition("v1", "ConfigMap", None, "data.ready")])
    assert settles_at_once("", "ConfigMap", [CustomCondition("example.org/v1", "ConfigMap", None, "data.ready")])
    assert not settles_at_once("apps", "Deployment")


@pytest.mark.parametrize("case", CASES)
def test_what_is_being_deleted_is_terminating_whatever_else_it_says(case):
    obj = copy.deepcopy(case["object"])
    obj["metadata"].update(
        deletionTimestamp="2026-11-23T04:00:00Z", finalizers=["kubernetes.io/pvc-protection", "x.org/y"]
    )
    verdict = assess(obj, case.get("children", ()))
    assert verdict.status is Status.TERMINATING
    if obj["kind"] != "Namespace":
        assert "kubernetes.io/pvc-protection (a pod still uses it), x.org/y (its controller must act)" in verdict.reason


def test_a_namespace_being_deleted_says_what_is_left_in_it():
    obj = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "a", "deletionTimestamp": "2026-11-23T04:00:00Z"},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {
            "phase": "Terminating",
            "conditions": [
                {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "all discovered"},
                {
                    "type": "NamespaceContentRemaining",
                    "status": "True",
                    "message": "Some resources remain: things.example.org",
                },
            ],
        },
    }
    assert assess(obj).reason == "being deleted: Some resources remain: things.example.org"
    obj["status"] = {}
    assert assess(obj).reason == "being deleted: its content goes first"
    assert assess({"apiVersion": "v1", "kind": "Pod", "metadata": {"deletionTimestamp": "x"}}).reason == "being deleted"


@pytest.mark.parametrize("absent", [None, {}, [], "text"])
def test_nothing_is_not_found(absent):
    assert assess(absent).status is Status.NOT_FOUND


def test_without_jmespath_a_condition_says_what_to_install(monkeypatch):
    monkeypatch.setattr(custom, "jmespath", None)
    verdict = assess(
        {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "a"}},
        (),
        [CustomCondition("example.org/v1", "Thing", None, "status.ok")],
    )
    assert verdict.terminal
    assert "needs the Python package jmespath" in verdict.reason


# Objects that are partial, and values of the wrong type, in places where rules look.
WORDS = st.sampled_from(
    [
        "True",
        "False",
        "Unknown",
        "Bound",
        "Pending",
        "Lost",
        "Failed",
        "Running",
        "Active",
        "OnDelete",
        "LoadBalancer",
        "",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-1, 3) | WORDS
TYPES = st.sampled_from(
    [
        "Available",
        "Progressing",
        "ReplicaFailure",
        "Ready",
        "PodScheduled",
        "Complete",
        "Failed",
        "NamesAccepted",
        "Established",
        "Reconciled",
        "AbleToScale",
        "ScalingActive",
        "DisruptionAllowed",
        "Stalled",
        "Reconciling",
        "Resizing",
        "Accepted",
        "NonStructuralSchema",
    ]
)
CONDITION = st.fixed_dictionaries(
    {"type": TYPES},
    optional={
        "status": LEAVES,
        "reason": WORDS | st.just("ProgressDeadlineExceeded"),
        "message": LEAVES,
        "observedGeneration": LEAVES,
    },
)
CONDITIONS = LEAVES | st.lists(CONDITION | LEAVES, max_size=4)
FIELDS = [
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "desiredNumberScheduled",
    "numberAvailable",
    "phase",
    "state",
    "updatedNumberScheduled",
    "currentRevision",
    "updateRevision",
    "observedGeneration",
    "fullyLabeledReplicas",
    "succeeded",
    "failed",
    "message",
]
STATUS = LEAVES | st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(FIELDS, LEAVES),
        "conditions": CONDITIONS,
        "bindings": LEAVES
        | st.lists(st.fixed_dictionaries({}, optional={"conditions": CONDITIONS}) | LEAVES, max_size=2),
        "loadBalancer": LEAVES | st.fixed_dictionaries({}, optional={"ingress": LEAVES | st.lists(LEAVES, max_size=2)}),
    },
)
SPEC = LEAVES | st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            ("replicas", "shards", "paused", "suspend", "type", "clusterIP", "storageClassName", "mode"), LEAVES
        ),
        "updateStrategy": LEAVES | st.fixed_dictionaries({"type": WORDS}, optional={"rollingUpdate": LEAVES}),
        "versions": LEAVES | st.lists(LEAVES, max_size=2),
    },
)
METADATA = LEAVES | st.fixed_dictionaries({}, optional={"name": LEAVES, "generation": LEAVES, "annotations": LEAVES})


@settings(max_examples=25, deadline=None)
@given(metadata=METADATA, spec=SPEC, status=STATUS, children=st.lists(LEAVES | st.just({"kind": "Pod"}), max_size=2))
@pytest.mark.parametrize("key", [*WITH_RULE, ("example.org", "Thing")], ids="/".join)
def test_no_partial_object_makes_a_rule_raise_or_give_a_verdict_it_has_no_fixture_for(
    key, metadata, spec, status, children
):
    group, kind = key
    obj = {
        "apiVersion": group + "/v1" if group else "v1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }
    verdict = assess(obj, children)
    # Any kind may lag behind its generation; the fixtures of the generic rule show that.
    late = {PROGRESS} if "has not looked at generation" in verdict.reason else set()
    assert (verdict.status, verdict.terminal) in YIELDS.get(kind, {CURRENT, PROGRESS, FAILED, HOPELESS}) | late
    assert verdict.reason or verdict.status is Status.CURRENT
