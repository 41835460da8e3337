# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on a real cluster, judged and explained: all cases run side by side, each in its own wait."""

from __future__ import annotations

import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils._wait import Outcome, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.slow]

TIMEOUT = 120.0
IMAGE = "lab.local/busybox:1"
CASES = yaml.safe_load(Path(__file__).with_name("broken.yaml").read_text(encoding="utf-8"))
API_VERSIONS = {"Job": "batch/v1"}


def manifest(case: dict[str, Any], namespaces: dict[str, str]) -> dict[str, Any]:
    """The object of a case."""
    kind, name = case.get("kind", "Deployment"), case["name"]
    pod = yaml.safe_load(yaml.safe_dump(case["pod"]).replace("IMAGE", IMAGE))
    spec: dict[str, Any] = {"template": {"metadata": {"labels": {"case": name}}, "spec": pod}, **case.get("spec", {})}
    if kind != "Job":
        spec["selector"] = {"matchLabels": {"case": name}}
    if kind in {"Deployment", "StatefulSet"}:
        spec["replicas"] = 1
    if kind == "StatefulSet":
        spec["serviceName"] = name
    metadata = {"name": name, "namespace": namespaces[case.get("namespace", "plain")]}
    return {"apiVersion": API_VERSIONS.get(kind, "apps/v1"), "kind": kind, "metadata": metadata, "spec": spec}


def timeout_of(case: dict[str, Any]) -> float:
    """Seconds: what never ends the wait needs no long one."""
    status, terminal, _reason = case["expect"]
    return 60.0 if status == "in_progress" and not terminal else TIMEOUT


@pytest.fixture(scope="module")
def outcomes(cluster):
    """The outcome of every case, by name, with the seconds its wait took."""
    namespaces = {
        "plain": cluster.namespace("plain"),
        "quota": cluster.namespace("quota"),
        "restricted": cluster.namespace("restricted", **{"pod-security.kubernetes.io/enforce": "restricted"}),
    }
    quota = {"name": "none", "namespace": namespaces["quota"]}
    cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": quota, "spec": {"hard": {"pods": "0"}}})
    secret = {"name": "present", "namespace": namespaces["plain"]}
    cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"a": "s3cr3t-value"}})

    def run(case: dict[str, Any]) -> tuple[Outcome, float]:
        target = cluster.apply(manifest(case, namespaces))
        began = time.monotonic()
        (outcome,) = wait_for(cluster.client, [target], timeout=timeout_of(case), emit=lambda _line: None)
        return outcome, time.monotonic() - began

    with ThreadPoolExecutor(len(CASES)) as pool:
        futures: dict[str, Future[tuple[Outcome, float]]] = {case["name"]: pool.submit(run, case) for case in CASES}
        yield {name: future.result() for name, future in futures.items()}
    for namespace in namespaces.values():
        cluster.client.send("DELETE", "/api/v1/namespaces/" + namespace)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case, outcomes):
    outcome, seconds = outcomes[case["name"]]
    status, terminal, reason = case["expect"]
    assert outcome.verdict.status.value == status, outcome
    assert outcome.verdict.terminal is terminal, outcome
    assert re.search(reason, outcome.verdict.reason), outcome
    # Unit tests show the exact bound; here thirty waits share one busy interpreter.
    assert seconds <= timeout_of(case) + 3, "the wait overran"
    if terminal or status == "current":
        assert seconds < TIMEOUT - 5, "the end came with the timeout, not before it"
    assert "s3cr3t" not in outcome.verdict.reason
