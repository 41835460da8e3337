# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Missing labels are given after asking, other people's are left, and what finds no node is said."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import labels
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

LABEL = "nvidia.com/gpu.present"
WANTED = {LABEL: "true"}
OWNED = [{"manager": "nfd-master", "fieldsV1": {"f:metadata": {"f:labels": {"f:" + LABEL: {}}}}}]


class Cluster:
    """Nodes in memory; a write that isn't of the version that was read last is refused."""

    def __init__(self, allowed=True, **nodes):
        self.nodes = {
            name: {"metadata": {"name": name, "resourceVersion": "1", "labels": dict(has)}}
            for name, has in nodes.items()
        }
        self.allowed, self.calls, self.meanwhile = allowed, [], {}

    def get(self, path, query=None):
        self.calls.append("GET " + path)
        name = path.rpartition("/nodes")[2].strip("/")
        if not name:
            return {"items": copy.deepcopy(list(self.nodes.values())), "metadata": {}}
        if name not in self.nodes:
            raise ApiError(404, "NotFound", "gone", {})
        return copy.deepcopy(self.nodes[name])

    def send(self, method, path, body=None, query=None, content_type="application/json"):
        if method == "POST":
            self.calls.append("POST " + path.rpartition("/")[2])
            return {"status": {"allowed": self.allowed}}
        node = self.nodes[path.rpartition("/")[2]]
        if self.meanwhile:
            node["metadata"]["labels"].update(self.meanwhile)
            node["metadata"]["resourceVersion"] += "1"
            self.meanwhile = {}
        if body["metadata"]["resourceVersion"] != node["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", "stale", {})
        self.calls.append("PATCH " + path)
        node["metadata"]["labels"].update(body["metadata"]["labels"])
        return copy.deepcopy(node)

    def has(self, name):
        return self.nodes[name]["metadata"]["labels"]

    @property
    def writes(self):
        return [call for call in self.calls if call.startswith("PATCH")]


def run(cluster, nodes, state="present", check=False, wanted=None, **more):
    options = {"state": state, "nodes": nodes, "perhaps": [], "labels": wanted or WANTED, "what": "", **more}
    return labels.run(options, check, client=cluster)


def test_what_is_missing_is_given_and_a_second_run_changes_nothing():
    cluster = Cluster(a={"zone": "x"}, b=WANTED)
    first = run(cluster, ["a", "b"])
    assert (first["changed"], first["labelled"], first["kept"]) == (True, ["a"], [])
    assert first["diff"] == [{"before_header": "node a", "before": "", "after": LABEL + "=true\n"}]
    assert cluster.has("a") == {"zone": "x", **WANTED}
    assert not run(cluster, ["a", "b"])["changed"]
    assert len(cluster.writes) == 1


def test_a_run_that_writes_nothing_asks_for_no_rights():
    cluster = Cluster(a=WANTED)
    run(cluster, ["a"])
    assert not [call for call in cluster.calls if call.startswith("POST")]


def test_check_mode_says_the_same_and_writes_nothing():
    cluster = Cluster(a={})
    assert run(cluster, ["a"], check=True)["labelled"] == ["a"]
    assert cluster.has("a") == {}


def test_another_owners_value_is_left_alone_and_told():
    cluster = Cluster(a={LABEL: "false"})
    cluster.nodes["a"]["metadata"]["managedFields"] = OWNED
    done = run(cluster, ["a"], wanted={**WANTED, "tier": "gpu"})
    assert done["kept"] == [f"node a has the label {LABEL}=false, set by nfd-master, and not true"]
    assert cluster.has("a") == {LABEL: "false", "tier": "gpu"}


def test_an_owner_who_is_faster_wins():
    cluster = Cluster(a={})
    cluster.meanwhile = {LABEL: "no"}
    run(cluster, ["a"])
    assert cluster.has("a") == {LABEL: "no"}


def test_rights_are_asked_before_the_first_write():
    cluster = Cluster(allowed=False, a={}, b={})
    with pytest.raises(RolloutError, match=r"may not patch nodes a\n.*may not patch nodes b\nRules"):
        run(cluster, ["a", "b"])
    assert cluster.writes == []


@pytest.mark.parametrize("state", ["present", "seen"])
def test_a_host_without_a_node_of_that_name_is_told(state):
    with pytest.raises(RolloutError, match=r"no nodes b, c\. Say by platform_node_name"):
        run(Cluster(a=WANTED), ["a", "b", "c"], state)


def test_many_nodes_are_read_as_one_list():
    cluster = Cluster(**{f"n{number}": WANTED for number in range(9)})
    run(cluster, sorted(cluster.nodes))
    assert cluster.calls == ["GET /api/v1/nodes"]


def test_every_node_that_is_known_to_need_it_must_have_it():
    cluster = Cluster(a=WANTED, b={}, c={LABEL: "false"})
    with pytest.raises(RolloutError) as caught:
        run(cluster, ["a", "b", "c"], "seen", what="dcgm-exporter")
    told = f"node b lacks the label {LABEL}=true, node c has the label {LABEL}=false, and not true"
    assert str(caught.value) == f"dcgm-exporter doesn't run on every GPU host of the inventory: {told}."
    assert caught.value.result["checks"] == [{"name": "nodes", "ok": False, "detail": told, "seconds": 0.0}]
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("nodes", "holds"),
    [
        ({"a": {}, "b": WANTED}, True),
        ({"a": {}, "b": {}}, False),
        ({"a": {}}, False),
        ({}, False),
    ],
)
def test_of_nodes_that_perhaps_need_it_one_must_have_it(nodes, holds):
    if holds:
        assert run(Cluster(**nodes), [], "seen", perhaps=["a", "b"])["checks"][0]["ok"]
    else:
        with pytest.raises(RolloutError, match=r"lacks the label|has no nodes a, b"):
            run(Cluster(**nodes), [], "seen", perhaps=["a", "b"])


def test_an_inventory_without_gpu_hosts_is_fine():
    assert run(Cluster(), [], "seen")["checks"][0]["ok"]
