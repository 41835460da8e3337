# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting on a real API server: how soon readiness is seen, what is gone, who may read, which kinds report."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _client, _login
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ObjectId, Status
from ansible_collections.openhands.gpu_observability.plugins.module_utils._wait import Target, wait_for

from .conftest import KUBECONFIG

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def namespace(cluster):
    """A namespace of this module's own."""
    return cluster.namespace("waiting")


def config_map(namespace, name, **metadata):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace, **metadata}}


def wait(cluster, *targets, timeout=20.0, **options):
    lines: list[str] = []
    began = time.monotonic()
    outcomes = wait_for(cluster.client, targets, timeout=timeout, emit=lines.append, **options)
    return outcomes, time.monotonic() - began, lines


def test_what_is_there_takes_no_time(cluster, namespace):
    targets = [cluster.apply(config_map(namespace, f"there-{number}")) for number in range(20)]
    outcomes, seconds, lines = wait(cluster, *targets)
    assert all(outcome.verdict.status is Status.CURRENT for outcome in outcomes)
    assert seconds < 0.5
    assert lines == []


def test_what_appears_is_seen_at_once(cluster, namespace):
    body, appeared = config_map(namespace, "late"), []

    def appear():
        cluster.apply(body)
        appeared.append(time.monotonic())

    timer = threading.Timer(2.0, appear)
    timer.start()
    began = time.monotonic()
    (outcome,), _seconds, _lines = wait(cluster, cluster.target(body))
    timer.join()
    assert outcome.verdict.status is Status.CURRENT
    assert began + outcome.seconds - appeared[0] < 0.3


def test_what_is_deleted_is_waited_for_and_its_finalizer_named(cluster, namespace):
    target = cluster.apply(config_map(namespace, "held", finalizers=["tests.example.org/hold"]))
    cluster.delete(target)
    (outcome,), seconds, lines = wait(cluster, target, timeout=3.0, expect_absent=True)
    assert outcome.verdict.status is Status.TERMINATING
    assert "tests.example.org/hold" in outcome.verdict.reason
    assert 3 <= seconds < 4
    assert "0 of 1 gone" in lines[0]
    path = target.resource.path(namespace, "held")
    release = threading.Timer(
        1.0,
        lambda: cluster.client.send(
            "PATCH", path, {"metadata": {"finalizers": None}}, None, "application/merge-patch+json"
        ),
    )
    release.start()
    (outcome,), seconds, _lines = wait(cluster, target, expect_absent=True)
    release.join()
    assert outcome.verdict.status is Status.NOT_FOUND
    assert seconds < 3


def test_a_claim_that_waits_for_its_first_consumer_is_current(cluster, namespace):
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    metadata = {"name": "unused", "namespace": namespace}
    body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
    (outcome,), _seconds, _lines = wait(cluster, cluster.apply(body))
    assert outcome.verdict.status is Status.CURRENT, outcome
    assert "waits for its first consumer" in outcome.verdict.reason


def deployment(namespace, image):
    container = {"name": "c", "image": image, "command": ["sleep", "3600"]}
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    labels = {"app": "mended"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "mended", "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def test_a_rollout_that_mends_a_broken_image_is_not_judged_by_the_old_pod(cluster, namespace):
    (outcome,), _seconds, _lines = wait(cluster, cluster.apply(deployment(namespace, "No/Image")))
    assert outcome.verdict.terminal, outcome
    target = cluster.apply(deployment(namespace, "lab.local/busybox:1"))
    (outcome,), _seconds, _lines = wait(cluster, target, timeout=60.0)
    assert outcome.verdict.status is Status.CURRENT, outcome


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
def test_a_stateful_set_that_mends_a_broken_image(cluster, namespace, policy):
    def stateful_set(image):
        body = deployment(namespace, image)
        body["kind"], body["metadata"]["name"] = "StatefulSet", policy.lower()
        body["spec"] = {**body["spec"], "serviceName": "none", "podManagementPolicy": policy}
        return body

    (outcome,), _seconds, _lines = wait(cluster, cluster.apply(stateful_set("No/Image")))
    assert outcome.verdict.terminal, outcome
    target = cluster.apply(stateful_set("lab.local/busybox:1"))
    (outcome,), _seconds, _lines = wait(cluster, target, timeout=60.0)
    if policy == "Parallel":
        assert outcome.verdict.status is Status.CURRENT, outcome
    else:
        assert outcome.verdict.terminal, outcome
        assert "a pod of the former revision holds the update up, and must be deleted" in outcome.verdict.reason
    cluster.delete(target)


def definition(plural, kind, *, status, group="verdicts.example.org"):
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    if status:
        version["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "listKind": kind + "List", "singular": kind.lower()},
            "versions": [version],
        },
    }


def test_custom_kinds_and_their_definitions(cluster, namespace):
    plain = cluster.apply(definition("plains", "Plain", status=False))
    reporting = cluster.apply(definition("reportings", "Reporting", status=True))
    conflict = definition("planes", "Plain", status=False)
    try:
        outcomes, _seconds, _lines = wait(cluster, plain, reporting)
        assert [outcome.verdict.status for outcome in outcomes] == [Status.CURRENT] * 2, outcomes
        (outcome,), _seconds, _lines = wait(cluster, cluster.apply(conflict))
        assert outcome.verdict.terminal, outcome
        assert "its names are refused" in outcome.verdict.reason
        objects = [
            {"apiVersion": "verdicts.example.org/v1", "kind": kind, "metadata": {"name": "a", "namespace": namespace}}
            for kind in ("Plain", "Reporting")
        ]
        outcomes, seconds, _lines = wait(cluster, *[cluster.apply(body) for body in objects], timeout=3.0)
        assert [outcome.verdict.status for outcome in outcomes] == [Status.CURRENT, Status.IN_PROGRESS]
        assert outcomes[1].verdict.reason == "no controller has reported on it yet"
        assert seconds < 4
    finally:
        for target in (plain, reporting, cluster.target(conflict)):
            cluster.delete(target)
        cluster.client.forget_discovery()


def test_refused_credentials_end_the_wait_soon(cluster, namespace):
    endpoint = _login.resolve({"kubeconfig": KUBECONFIG}, {})
    stranger = _client.connect(replace(endpoint, token="nobody", client_cert=None, client_key=None))
    target = cluster.target(config_map(namespace, "any"))
    (outcome,) = wait_for(stranger, [target], timeout=30.0, emit=lambda _line: None)
    assert outcome.verdict.terminal, outcome
    assert "refuses the credentials" in outcome.verdict.reason


def test_an_api_that_does_not_answer_is_borne_until_the_timeout_and_named(cluster):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = replace(
            _login.resolve({"kubeconfig": KUBECONFIG}, {}), server=f"https://127.0.0.1:{unused.getsockname()[1]}"
        )
        target = Target(
            cluster.target(config_map("default", "any")).resource, ObjectId("", "ConfigMap", "default", "any")
        )
        began = time.monotonic()
        (outcome,) = wait_for(_client.connect(endpoint), [target], timeout=6.0, emit=lambda _line: None)
        assert time.monotonic() - began < 7
    assert outcome.verdict.status is Status.IN_PROGRESS, outcome
    assert "doesn't answer" in outcome.verdict.reason
