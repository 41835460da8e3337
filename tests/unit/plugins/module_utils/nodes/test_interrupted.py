# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that dies at any write, an API server that refuses or goes away: the node ends as it was."""

from __future__ import annotations

import copy
import datetime as dt
import re

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _leases
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import NODE_MAINTENANCE_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import maintenance, record
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from fake_server import FakeServer

DEFAULTS = {name: option.get("default") for name, option in NODE_MAINTENANCE_ARGSPEC.items()}
(LABEL,) = NODE_MAINTENANCE_ARGSPEC["pause"]["default"]
EVICTION = re.compile(r"^/api/v1/namespaces/(.+)/pods/(.+)/eviction$")
CLEAN = {"health": "HEALTH_OK"}
UNCLEAN = {"health": "HEALTH_WARN", "details": {"PG_DEGRADED": {"message": "3 pgs"}}}


@pytest.fixture(autouse=True)
def _one_clock(monkeypatch):
    monkeypatch.setattr(_leases, "_now", lambda: Cluster.latest.wall().strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


class Killed(BaseException):
    """The process is gone."""


class Cluster:
    """Nodes, pods and a Lease in memory; a pod is gone two rounds after its eviction. Time passes by sleeping only."""

    latest = None

    def __init__(self, *nodes):
        Cluster.latest = self
        self.inner = FakeServer("kube-system")
        self.nodes = {name: self._node(name) for name in nodes or ("gpu-1",)}
        self.pods, self.going, self.refusals, self.ceph = {}, {}, [], [CLEAN]
        self.seconds, self.writes, self.die_at, self.die_after, self.events = 0.0, [], None, False, []
        self.meanwhile = None

    @staticmethod
    def _node(name):
        status = {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"bootID": "first"}}
        return {
            "metadata": {"name": name, "resourceVersion": "1", "labels": {"zone": name}, "annotations": {}},
            "spec": {},
            "status": {**status, "allocatable": {"nvidia.com/gpu": "8"}},
        }

    def pod(self, name, gpus=0, app="", node="gpu-1"):
        resources = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
        owner = [{"kind": "ReplicaSet", "controller": True}]
        metadata = {"name": name, "namespace": "ml", "uid": name, "ownerReferences": owner, "labels": {"app": app}}
        self.pods[name] = {
            "metadata": metadata,
            "spec": {"nodeName": node, "containers": [{"resources": resources}]},
            "status": {"phase": "Running"},
        }

    def get(self, path, query=None):
        if "/leases" in path:
            return self.inner.get(path, query)
        if path.startswith("/api/v1/nodes/"):
            return copy.deepcopy(self.nodes[path.rpartition("/")[2]])
        clusters = [{"metadata": {"namespace": "rook-ceph", "name": "c"}, "status": {"ceph": self.ceph[0]}}]
        if path.endswith("/cephclusters") and len(self.ceph) > 1:
            self.ceph.pop(0)
        node = (query or {}).get("fieldSelector", "").rpartition("=")[2]
        kinds = {
            "/api/v1/nodes": list(self.nodes.values()),
            "/api/v1/pods": [pod for pod in self.pods.values() if pod["spec"]["nodeName"] == node],
            "/apis/policy/v1/poddisruptionbudgets": [],
            "/apis/ceph.rook.io/v1/cephclusters": clusters,
        }
        return {"items": copy.deepcopy(kinds[path]), "metadata": {}}

    def send(self, method, path, body=None, query=None, content_type="application/json"):
        dies = len(self.writes) == self.die_at
        self.writes.append((method, path))
        if dies and not self.die_after:
            raise Killed
        answer = self._write(method, path, body)
        if dies:
            raise Killed
        return answer

    def _write(self, method, path, body):
        if "/leases" in path:
            return self.inner.send(method, path, body)
        if path.endswith("/events"):
            self.events.append(body)
            return body
        eviction = EVICTION.match(path)
        if eviction:
            if self.refusals:
                raise self.refusals.pop(0)
            self.going.setdefault(eviction.group(2), self.seconds + 4)
            self.pods[eviction.group(2)]["metadata"]["deletionTimestamp"] = "soon"
            return {}
        live = self.nodes[path.rpartition("/")[2]]
        if body["metadata"].pop("resourceVersion") != live["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", "the object has been modified")
        self._merge(live, body)
        live["metadata"]["resourceVersion"] = str(int(live["metadata"]["resourceVersion"]) + 1)
        if self.meanwhile:
            self.meanwhile, then = None, self.meanwhile
            then()
        return copy.deepcopy(live)

    def _merge(self, live, patch):
        for key, value in patch.items():
            if isinstance(value, dict):
                self._merge(live.setdefault(key, {}), value)
            elif value is None:
                live.pop(key, None)
            else:
                live[key] = value

    def sleep(self, seconds):
        self.seconds += seconds
        for name in [name for name, when in self.going.items() if when <= self.seconds]:
            del self.pods[name], self.going[name]

    def wall(self):
        return dt.datetime(2026, 11, 23, tzinfo=dt.timezone.utc) + dt.timedelta(seconds=self.seconds)  # noqa: UP017

    def do(self, state, run="one", node="gpu-1", **more):
        options = {**DEFAULTS, "state": state, "node": node, "run": run, "drain": {}, **more}
        clock = Clock(lambda: self.seconds, self.sleep)
        return maintenance.run(options, environ={}, client=self, clock=clock, wall=self.wall)

    def seen(self, node="gpu-1"):
        """What a release has to restore."""
        live = self.nodes[node]
        return live["spec"].get("unschedulable", False), live["metadata"]["labels"], record.of(live)


def whole(cluster, run):
    """All that a run does to a node, through a reboot."""
    cluster.do("drained", run)
    cluster.nodes["gpu-1"]["status"]["nodeInfo"]["bootID"] += "+"
    cluster.do("returned", run)
    cluster.do("released", run)
    cluster.do("ended", run)


def busy_node(cordoned, label):
    cluster = Cluster()
    cluster.pod("trainer", gpus=8)
    cluster.pod("web")
    live = cluster.nodes["gpu-1"]
    live["spec"] = {"unschedulable": True} if cordoned else {}
    live["metadata"]["labels"] = {LABEL: label} if label else {}
    return cluster


@pytest.mark.parametrize(("cordoned", "label"), [(False, ""), (True, ""), (False, "mine")])
@pytest.mark.parametrize("obeyed", [False, True], ids=["lost", "obeyed"])
def test_a_run_killed_at_any_write_is_gone_on_with_and_the_node_ends_as_it_was(cordoned, label, obeyed):
    first = busy_node(cordoned, label)
    whole(first, "one")
    number = len(first.writes)
    assert number > 6
    for at in range(number):
        cluster = busy_node(cordoned, label)
        before = copy.deepcopy(cluster.seen())
        cluster.die_at, cluster.die_after = at, obeyed
        with pytest.raises(Killed):
            whole(cluster, "one")
        held = any(cluster.inner.leases)
        if held:
            with pytest.raises(RolloutError, match="Another run has nodes"):
                cluster.do("drained", "two")
        cluster.sleep(7300)
        whole(cluster, "two")
        assert cluster.seen() == before, cluster.writes[at]
        assert not cluster.pods
        assert not cluster.inner.leases


def api_error(status, reason="", message="no", **details):
    return ApiError(status, reason, message, details)


PASSING = [
    api_error(429, "TooManyRequests", "too many requests"),
    api_error(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget."),
    api_error(500, "InternalError", "etcdserver: leader changed"),
    api_error(503, "ServiceUnavailable", "apiserver is shutting down"),
    api_error(0, "", "connection refused"),
    api_error(403, "Forbidden", "because it is being terminated"),
    api_error(500, "InternalError", "failed calling webhook x"),
]


@pytest.mark.parametrize("refusal", PASSING, ids=lambda error: "%d %s" % (error.status, error.message[:12]))
def test_an_eviction_that_is_refused_for_now_is_asked_for_again(refusal):
    cluster = busy_node(cordoned=False, label="")
    cluster.refusals = [refusal] * 3
    assert cluster.do("drained")["state"] == "drained"
    assert not cluster.pods


def test_an_eviction_that_is_refused_for_good_has_the_node_given_back_in_time():
    cluster = busy_node(cordoned=False, label="")
    before = copy.deepcopy(cluster.seen())
    cluster.refusals = [PASSING[2]] * 1000
    left = cluster.do("drained", drain={"timeout": 60})
    assert left["state"] == "busy"
    assert "pod ml/trainer: etcdserver: leader changed" in left["busy"]
    assert "pod ml/web: GPU pods go first" in left["busy"]
    assert 60 <= cluster.seconds < 70
    assert cluster.seen() == before


@pytest.mark.parametrize(("status", "cordoned"), [(403, False), (401, True)])
def test_a_right_that_is_missing_has_the_node_given_back_and_a_lost_login_leaves_it_to_the_next_run(status, cordoned):
    cluster = busy_node(cordoned=False, label="")
    before = copy.deepcopy(cluster.seen())
    cluster.refusals = [api_error(status, "", "jane may not")]
    with pytest.raises((RolloutError, ApiError)):
        cluster.do("drained")
    assert cluster.seen()[0] is cordoned
    assert (cluster.seen() == before) is not cordoned
    assert cluster.do("drained")["state"] == "drained"
    cluster.do("released")
    assert cluster.seen() == before


def test_the_lease_is_renewed_while_something_is_waited_for():
    cluster = busy_node(cordoned=False, label="")
    cluster.do("drained", lease_seconds=60)
    cluster.nodes["gpu-1"]["status"]["conditions"][0]["status"] = "Unknown"
    with pytest.raises(RolloutError, match="not fit to take work within 600 s"):
        cluster.do("released", ready_timeout=600, lease_seconds=60)
    with pytest.raises(RolloutError, match="Another run has nodes"):
        cluster.do("drained", "two", lease_seconds=60)
    cluster.sleep(61)
    assert cluster.do("drained", "two", lease_seconds=60)["state"] == "drained"


def test_a_run_whose_lease_was_taken_over_stops():
    cluster = busy_node(cordoned=False, label="")
    cluster.do("drained", lease_seconds=60)
    cluster.sleep(61)
    cluster.do("drained", "two")
    with pytest.raises(RolloutError, match="Another run has nodes"):
        cluster.do("released", lease_seconds=60)


def test_a_node_that_is_out_already_goes_on_whatever_others_take_out():
    cluster = Cluster("gpu-1", "gpu-2", "gpu-3")
    cluster.do("drained", budget="1")
    cluster.nodes["gpu-2"]["spec"]["unschedulable"] = True
    assert cluster.do("drained", budget="1")["state"] == "drained"
    assert cluster.do("drained", node="gpu-3", budget="2")["state"] == "busy"
    assert cluster.do("drained", node="gpu-3", budget="3")["state"] == "drained"


def ceph_node(*states):
    cluster = Cluster("gpu-1", "gpu-2")
    cluster.pod("osd", app="rook-ceph-osd")
    cluster.ceph = list(states)
    return cluster


def test_ceph_gets_its_time_to_become_clean_after_the_node_before():
    cluster = ceph_node(UNCLEAN, UNCLEAN, UNCLEAN, CLEAN)
    assert cluster.do("drained")["state"] == "drained"
    cluster = ceph_node(UNCLEAN)
    left = cluster.do("drained", ceph_timeout=100)
    assert left["busy"] == "CephCluster rook-ceph/c: PG_DEGRADED: 3 pgs (it carries osd)"
    assert 100 <= cluster.seconds < 110
    assert not cluster.nodes["gpu-1"]["spec"]


@pytest.mark.parametrize("zone", ["gpu-1", "gpu-2"])
def test_ceph_is_not_waited_for_while_a_node_of_the_same_batch_keeps_it_unclean(zone):
    cluster = ceph_node(UNCLEAN)
    cluster.nodes["gpu-2"]["metadata"]["labels"]["zone"] = zone
    cluster.do("drained", node="gpu-2", failure_domain="zone")
    left = cluster.do("drained", failure_domain="zone")
    assert left["state"] == "busy"
    assert ("gpu-2 of zone gpu-2 is in maintenance" in left["busy"]) == (zone == "gpu-2")
    assert cluster.seconds == 0


def test_two_of_one_batch_that_go_at_once_are_noticed():
    cluster = ceph_node(CLEAN)
    cluster.meanwhile = lambda: cluster.do("drained", node="gpu-2", failure_domain="zone")
    left = cluster.do("drained", failure_domain="zone")
    assert left["busy"] == "gpu-2 of zone gpu-2 is in maintenance, this node is of gpu-1"
    assert not cluster.nodes["gpu-1"]["spec"]
    assert cluster.nodes["gpu-2"]["spec"]["unschedulable"]
