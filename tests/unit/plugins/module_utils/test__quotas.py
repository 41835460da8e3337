# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums against quotas: what objects ask for, and when that is too much."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _quotas, _static_set
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Change,
    Manifest,
    Resource,
)
from fake_server import FakeServer

CPU = {"resources": {"requests": {"cpu": "500m"}, "limits": {"memory": "1Gi"}}}


def item(group: str, kind: str, plural: str, spec: dict[str, Any], name: str = "x", **more: Any) -> Item:
    api_version = f"{group}/v1" if group else "v1"
    body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "here"}, "spec": spec}
    manifest = Manifest(body, "t.yaml", 1)
    resource = Resource(group, "v1", kind, plural, namespaced=True)
    return Item(manifest, manifest.id, resource, change=Change.CREATED, **more)


def workload(kind: str = "Deployment", group: str = "apps", **spec: Any) -> Item:
    pod = {"containers": [CPU, CPU], "initContainers": [{"resources": {"requests": {"cpu": 2}}}]}
    return item(group, kind, kind.lower() + "s", {"template": {"spec": pod}, **spec})


def asked(one: Item) -> dict[str, str]:
    return {key: str(value.normalize()) for key, value in _quotas.growth(one).items()}


def test_a_deployment_asks_for_its_pods():
    assert asked(workload(replicas=3)) == {
        "count/deployments.apps": "1",
        "pods": "3",
        "count/pods": "3",
        "requests.cpu": "6",
        "cpu": "6",
        "requests.memory": str(3 * 2 * 2**30),
        "memory": str(3 * 2 * 2**30),
        "limits.memory": str(3 * 2 * 2**30),
    }


def test_only_growth_counts():
    one = workload(replicas=3)
    one.live = workload(replicas=2).manifest.body
    assert asked(one)["pods"] == "1"
    assert "count/deployments.apps" not in asked(one)
    one.live = workload(replicas=9).manifest.body
    assert asked(one) == {}


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("Service", {"type": "NodePort", "ports": [{}, {}]}, {"services.nodeports": "2"}),
        (
            "Service",
            {"type": "LoadBalancer", "ports": [{}]},
            {"services.nodeports": "1", "services.loadbalancers": "1"},
        ),
        (
            "Service",
            {"type": "LoadBalancer", "ports": [{}], "allocateLoadBalancerNodePorts": False},
            {"services.loadbalancers": "1"},
        ),
        ("Pod", {"containers": [CPU]}, {"requests.cpu": "0.5"}),
        (
            "PersistentVolumeClaim",
            {"storageClassName": "fast", "resources": {"requests": {"storage": "10"}}},
            {"requests.storage": "1E+1", "fast.storageclass.storage.k8s.io/persistentvolumeclaims": "1"},
        ),
    ],
)
def test_other_kinds(kind, spec, expected):
    found = asked(item("", kind, kind.lower() + "s", spec))
    assert found.items() >= expected.items()
    assert found[kind.lower() + "s"] == "1"


def test_a_set_asks_for_its_claims_and_a_job_for_its_pods():
    template = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    found = asked(workload("StatefulSet", replicas=2, volumeClaimTemplates=[template]))
    assert (found["persistentvolumeclaims"], found["requests.storage"]) == ("2", str(2 * 2**30))
    assert asked(workload("Job", "batch", parallelism=4))["pods"] == "4"
    assert "pods" not in asked(workload("DaemonSet"))


def quota(server: FakeServer, hard: dict[str, Any], used: dict[str, Any], **spec: Any) -> None:
    path = "/api/v1/namespaces/here/resourcequotas/small"
    server.kinds.append(Resource("", "v1", "ResourceQuota", "resourcequotas", namespaced=True))
    server.put(path, {"metadata": {"name": "small"}, "spec": {"hard": hard, **spec}, "status": {"used": used}})


def test_a_sum_above_what_is_left_is_a_problem():
    server = FakeServer("here")
    quota(server, {"pods": 5, "requests.cpu": "100"}, {"pods": 3})
    assert _quotas.check(server, [workload(replicas=2)]) == []
    (problem,) = _quotas.check(server, [workload(replicas=2), workload(replicas=1)])
    assert "allows 5 pods in the namespace here, of which 3 is used; this set asks for 3 more" in problem.message
    assert problem.source == "t.yaml:1"


def test_scopes_are_left_to_the_server_and_the_sets_own_quota_wins():
    server = FakeServer("here")
    quota(server, {"pods": 1}, {}, scopes=["BestEffort"])
    assert _quotas.check(server, [workload(replicas=2)]) == []
    own = item("", "ResourceQuota", "resourcequotas", {"hard": {"pods": 1}}, name="small")
    assert len(_quotas.check(server, [workload(replicas=2), own])) == 1


def test_what_does_not_change_is_not_asked_about():
    server = FakeServer("here")
    server.refuse["GET /api/v1/namespaces/here/resourcequotas"] = [ApiError(500, "", "must not be asked")]
    idle = workload(replicas=2)
    idle.change = Change.UNCHANGED
    assert _quotas.check(server, [idle]) == []


def test_who_may_not_see_quotas_goes_on():
    server = FakeServer("here")
    server.refuse["GET /api/v1/namespaces/here/resourcequotas"] = [ApiError(403, "Forbidden", "no")]
    assert _quotas.check(server, [workload(replicas=2)]) == []
    server.refuse["GET /api/v1/namespaces/here/resourcequotas"] = [ApiError(500, "InternalError", "down")]
    with pytest.raises(ApiError):
        _quotas.check(server, [workload(replicas=2)])


def test_node_ports():
    ports = [{"nodePort": 30000}, {"nodePort": 30000, "protocol": "UDP"}, {"port": 1}]
    one, two = (item("", "Service", "services", {"ports": ports}, name=name) for name in ("one", "two"))
    found = _static_set.check(FakeServer("here"), [one, two])
    assert [problem.field for problem in found] == ["spec.ports[0].nodePort", "spec.ports[1].nodePort"]
    assert "is also asked for by Service here/one" in found[0].message
    assert _static_set.check(FakeServer("here"), [one]) == []
