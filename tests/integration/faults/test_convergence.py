# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens on the way: the set arrives, the result is true, and nothing is written needlessly."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest
from fault_proxy import FAULTS, LOST, Call, sometimes
from integration.engine.conftest import changes

SET = """---
apiVersion: v1
kind: Namespace
metadata: {name: %(ns)s}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.%(ns)s.example.org}
spec:
  group: %(ns)s.example.org
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: %(ns)s}]
---
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: hunter2}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}], selector: {app: web}}
---
apiVersion: %(ns)s.example.org/v1
kind: Thing
metadata: {name: one}
spec: {size: 1}
"""
CONFIG_MAP = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: part-%d}\ndata: {value: '%s'}\n"
CONDITIONS = [{"kind": "Thing", "current": "spec.size == `1`"}]


def text(namespace: str, value: str, number: int = 12) -> str:
    return SET % {"ns": namespace} + "".join(CONFIG_MAP % (index, value) for index in range(number))


def options(namespace: str) -> dict:
    return {
        "wait": True,
        "wait_timeout": 60,
        "conditions": [{"api_version": f"{namespace}.example.org/v1", **CONDITIONS[0]}],
    }


def expect_frugal(cluster, of: str) -> None:
    """No object was written more often than once and once more for each answer that was lost."""
    written, lost = cluster.audit.writes(), cluster.proxy.lost()
    lease = f"/leases/rollout-{of}"
    record = f"/configmaps/rollout-inventory-{of}"
    allowed: Counter[str] = Counter()
    for path in written:
        # The record is written before and after; a Lease is made below its collection, and given back.
        allowed[path] = (2 if path.endswith(record) else 1) + lost[path]
    needless = {path: number for path, number in written.items() if number > allowed[path] and lease not in path}
    assert not needless, (needless, lost)


@pytest.mark.parametrize(("rate", "seed"), [(0.05, 1), (0.10, 2), (0.20, 3)])
def test_a_part_of_all_calls_fails_and_every_run_converges(cluster, rate, seed):
    cluster.proxy.choose = sometimes(rate, seed)
    new = f"{cluster.namespace}-new"
    settings = {**options(new), "namespace": new}

    first = cluster.rollout(text(new, "one"), **settings)
    assert set(changes(first).values()) == {"created"}
    assert first["verdict"] == "current"
    expect_frugal(cluster, "demo")

    cluster.proxy.forget()
    second = cluster.rollout(text(new, "one"), **settings)
    assert not second["changed"]
    assert sum(cluster.audit.writes().values()) == 0

    cluster.proxy.forget()
    third = cluster.rollout(text(new, "two"), **settings)
    assert {name for name, change in changes(third).items() if change == "configured"} == {
        f"part-{index}" for index in range(12)
    }
    expect_frugal(cluster, "demo")
    for index in range(12):
        live = cluster.server.request("GET", f"/api/v1/namespaces/{new}/configmaps/part-{index}")
        assert live["data"] == {"value": "two"}

    cluster.proxy.forget()
    # Nothing ends foreground deletion here: that is a controller's work.
    gone = cluster.rollout("", **{**settings, "wait": False}, state="absent")
    assert gone["counts"]["deleted"] == 18
    met = {fault for _call, fault in cluster.proxy.calls if fault}
    assert met, "no fault was injected: the test shows nothing"


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_on_each_write_once(cluster, fault):
    hit: set[str] = set()

    def choose(call: Call) -> str | None:
        if call.write and call.path not in hit:
            hit.add(call.path)
            return fault
        return None

    cluster.proxy.choose = choose
    body = "".join(CONFIG_MAP % (index, "one") for index in range(3))
    result = cluster.rollout(body)
    assert set(changes(result).values()) == {"created"}
    assert len([path for path in hit if "/part-" in path]) == 3
    assert (fault in LOST) == bool(cluster.proxy.lost())
    expect_frugal(cluster, "demo")
    if fault in (*LOST, "conflict"):
        hit.clear()
        cluster.proxy.forget()
        result = cluster.rollout(body.replace("one", "two"))
        assert set(changes(result).values()) == {"configured"}, "what a lost answer changed is a change of this run"
        expect_frugal(cluster, "demo")


@pytest.mark.parametrize("fault", ["lost", "conflict"])
def test_a_take_over_from_a_person_whose_answer_is_lost(cluster, fault):
    text = CONFIG_MAP % (0, "ours")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "part-0"}, "data": {"value": "theirs"}}
    path = cluster.path("configmaps") + "?fieldManager=kubectl-client-side-apply"
    kept = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(body)}
    cluster.server.request("POST", path, {**body, "metadata": {"name": "part-0", "annotations": kept}})
    hit: set[int] = set()

    def choose(call: Call) -> str | None:
        if call.write and call.path.endswith("/part-0") and len(hit) < 2:
            hit.add(call.number)
            return fault
        return None

    cluster.proxy.choose = choose
    result = cluster.rollout(text, existing="adopt")
    assert changes(result) == {"part-0": "configured"}
    live = cluster.get("configmaps", "part-0")
    assert live["data"] == {"value": "ours"}
    assert [entry["manager"] for entry in live["metadata"]["managedFields"]] == ["openhands-gpu-observability"]
    assert len(hit) == 2


def test_a_control_plane_that_restarts_in_the_middle_is_waited_for(cluster):
    began: list[float] = []

    def choose(call: Call) -> str | None:
        if call.write and call.path.endswith("/part-2") and not began:
            began.append(time.monotonic())
        return "reset" if began and time.monotonic() - began[0] < 4 else None

    cluster.proxy.choose = choose
    result = cluster.rollout("".join(CONFIG_MAP % (index, "one") for index in range(12)))
    assert set(changes(result).values()) == {"created"}
    assert time.monotonic() - began[0] >= 4
    expect_frugal(cluster, "demo")
    assert cluster.get("leases", api="/apis/coordination.k8s.io/v1")["items"] == []
