# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights of docs/rights.md are enough for a whole site, and one rule less is refused by name before any write."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey import survey
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from rules.rendering import render

ROLES = (
    "prometheus_operator",
    "alertmanager",
    "prometheus",
    "node_exporter",
    "kube_state_metrics",
    "model_monitoring",
)
OPERATOR = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "prometheus-operator"},
    "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}],
}
"""The role that the operator's release brings, in short."""


@pytest.fixture(scope="module")
def rolled_out(hire, definitions):
    """The whole site, by somebody with the least rights."""
    person = hire()
    namespaces = [
        Manifest(body, "namespaces") for body in render("platform", "namespaces.yaml.j2", {"platform_cluster": "x"})
    ]
    person.rollout("platform", [*namespaces, *definitions])
    person.rollout("operator_permissions", [Manifest(OPERATOR, "upstream")])
    return person, {role: person.rollout(role) for role in ROLES}


def test_the_least_rights_are_enough_for_a_site(rolled_out):
    _person, results = rolled_out
    assert {role: result["counts"]["created"] > 0 for role, result in results.items()} == dict.fromkeys(ROLES, True)
    assert not any(result["counts"]["skipped"] for result in results.values())


def test_a_second_run_changes_nothing(rolled_out):
    person, _results = rolled_out
    assert [person.rollout(role)["changed"] for role in ROLES] == [False] * len(ROLES)


def test_preflight_may_look_everywhere(rolled_out, server):
    person, _results = rolled_out
    options = {"kubeconfig": str(server.kubeconfig), "impersonate_user": person.name, "components": []}
    assert survey.run(options, {})["unread"] == []


def test_a_component_can_be_taken_away_again(rolled_out):
    person, _results = rolled_out
    extra = Manifest({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}, "data": {"a": "b"}}, "x")
    assert person.rollout("passing", [extra])["counts"]["created"] == 1
    assert person.rollout("passing", [extra], state="absent")["counts"]["deleted"] == 1


LESS = {
    "leases": (
        lambda rule: "leases" in rule["resources"],
        "alertmanager",
        ["may not create leases.coordination.k8s.io rollout-alertmanager in the namespace monitoring"],
    ),
    "secrets": (
        lambda rule: "secrets" in rule["resources"],
        "alertmanager",
        [
            "may not patch secrets alertmanager-config in the namespace monitoring",
            "may not create services alertmanager in the namespace monitoring",
        ],
    ),
    "the record": (
        lambda rule: rule["resources"] == ["configmaps"],
        "alertmanager",
        ["may not patch configmaps rollout-inventory-alertmanager in the namespace monitoring"],
    ),
    "handing out": (
        lambda rule: "bind" in rule["verbs"],
        "kube_state_metrics",
        ["may not escalate clusterroles.rbac.authorization.k8s.io kube-state-metrics"],
    ),
    "cluster roles": (
        lambda rule: "clusterrolebindings" in rule["resources"],
        "prometheus",
        ["may not create clusterrolebindings.rbac.authorization.k8s.io prometheus-discovery"],
    ),
    "the agents' namespace": (
        lambda rule: "daemonsets" in rule["resources"] and "patch" in rule["verbs"],
        "node_exporter",
        ["may not create daemonsets.apps node-exporter in the namespace monitoring-agents"],
    ),
}


def written(server):
    """Everything the case could have touched."""
    paths = ["/api/v1/secrets", "/api/v1/configmaps", "/apis/apps/v1/daemonsets", "/apis/coordination.k8s.io/v1/leases"]
    paths += ["/apis/rbac.authorization.k8s.io/v1/clusterroles", "/apis/monitoring.coreos.com/v1/alertmanagers"]
    mine = ("rollout-", "alertmanager", "kube-state-metrics", "prometheus", "node-exporter")
    return {
        (path, item["metadata"]["name"], item["metadata"]["resourceVersion"])
        for path in paths
        for item in server.request("GET", path)["items"]
        if item["metadata"]["name"].startswith(mine)
    }


@pytest.mark.parametrize("case", LESS.values(), ids=LESS)
@pytest.mark.usefixtures("rolled_out")
def test_one_rule_less_is_named_and_nothing_is_written(hire, server, case):
    without, role, said = case
    person = hire(without)
    before = written(server)
    changed = {"transform": {"labels": {"case": person.name}}}
    if role == "kube_state_metrics":
        # A role whose rules stay the same may be relabelled by anybody who may write it.
        changed["overrides"] = [
            {
                "kind": "ClusterRole",
                "name": "kube-state-metrics",
                "merge": {"rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["delete"]}]},
            }
        ]
    with pytest.raises(InvalidInput) as caught:
        person.rollout(role, **changed)
    for sentence in said:
        assert f"{person.name} {sentence}" in str(caught.value)
    assert "Rules that would allow it:" in str(caught.value)
    assert caught.value.result["missing_rules"].startswith("# ")
    assert written(server) == before


@pytest.mark.usefixtures("rolled_out")
def test_who_may_not_list_reads_one_by_one(hire):
    person = hire(less=frozenset({"list", "watch"}))
    result = person.rollout("alertmanager", transform={"labels": {"case": person.name}})
    assert result["counts"]["configured"] > 0
    assert not person.rollout("alertmanager", transform={"labels": {"case": person.name}})["changed"]
