# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of objects whose kind, namespace or neighbours are still to come, before the first write."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _engine
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import load
from integration.engine.conftest import changes
from integration.engine.test_plan import CONFIG_MAP, custom, deployment, join, widget

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: %s}
spec: {type: NodePort, ports: [{port: 80, nodePort: %d, protocol: %s}]}
"""
QUOTA = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: small}\nspec: {hard: {%s}}\n"


def check(cluster, text: str, schemas: str = "", **options: Any) -> dict[str, Any]:
    """Check mode with the definitions of the whole run at hand."""
    request = cluster.request(text, check_mode=True, diff=True, **options)
    request.schemas = lambda: load(schemas, "run.yaml")
    return _engine.run(request, cluster.lines.append, environ={})


def problems(cluster, text: str, **options: Any) -> list[tuple[str, str, str]]:
    """Roll out, expect a refusal that wrote nothing, and return (source, field, message)."""
    with pytest.raises(InvalidInput, match=r"Nothing was written") as caught:
        cluster.rollout(text, **options)
    assert cluster.inventory() is None
    return [(problem.source, problem.field, problem.message) for problem in caught.value.problems]


def test_a_kind_of_another_component_is_checked_and_shown_with_its_defaults(cluster):
    schemas = widget("cogs", ", color: {type: string, default: red}")
    result = check(cluster, custom("Cog", "one", "{size: 1}"), schemas)
    assert changes(result) == {"one": "created"}
    assert result["warnings"] == []
    (diff,) = result["diff"]
    assert diff["before"] == ""
    assert "color: red" in diff["after"]
    assert f"namespace: {cluster.namespace}" in diff["after"]


@pytest.mark.parametrize(
    ("kind", "spec", "field", "message"),
    [
        ("Cog", "{size: big}", "spec.size", 'must be an integer, not "big"'),
        ("Cog", "{siez: 1}", "spec.siez", "is not a field of this kind; did you mean size?"),
        ("Cug", "{size: 1}", "", "did you mean Cog?"),
    ],
)
def test_a_mistake_in_a_kind_of_another_component_is_found(cluster, kind, spec, field, message):
    with pytest.raises(InvalidInput) as caught:
        check(cluster, custom(kind, "one", spec), widget("cogs"))
    (problem,) = caught.value.problems
    assert problem.source == "demo.yaml:1"
    assert problem.object.startswith(f"{kind} ")
    assert problem.field == field
    assert message in problem.message


def test_a_definition_that_the_run_changes_elsewhere_is_the_one_that_counts(cluster):
    cluster.rollout(join(widget("pins"), custom("Pin", "one", "{size: 1}")))
    new = widget("pins", ", color: {type: string}").replace(
        "size: {type: integer}", "size: {type: integer, minimum: 5}"
    )

    result = check(cluster, custom("Pin", "one", "{size: 7, color: red}"), new)
    # The definition left this set: it holds data, so it stays.
    assert changes(result) == {"one": "configured", "pins.test.example.org": "skipped"}
    with pytest.raises(InvalidInput, match="1 must be at least 5"):
        check(cluster, custom("Pin", "one", "{size: 1}"), new)
    with pytest.raises(InvalidInput, match="color"):
        check(cluster, custom("Pin", "one", "{size: 7, color: red}"), widget("pins"))


def test_an_object_of_a_coming_namespace_is_shown_as_it_would_be_there(cluster):
    cluster.rollout(deployment("twin", "{name: c, image: i}"), namespace="default", component="other")
    try:
        text = deployment("twin", "{name: c, image: i}").replace("app: twin", "app: another")
        result = check(cluster, text, namespace="not-yet")
    finally:
        cluster.server.request("DELETE", "/apis/apps/v1/namespaces/default/deployments/twin")
    assert changes(result) == {"twin": "created"}
    assert "namespace: not-yet" in result["diff"][0]["after"]
    assert "revisionHistoryLimit: 10" in result["diff"][0]["after"]
    assert "name: twin\n" in result["diff"][0]["after"]
    assert "not-yet doesn't exist yet" in result["warnings"][0]


def test_one_wrong_object_among_a_hundred_keeps_all_from_being_written(cluster):
    good = [CONFIG_MAP % f"good-{number}" for number in range(99)]
    ((source, field, message),) = problems(
        cluster, join(*good, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad}\n")
    )
    assert source == f"demo.yaml:{99 * 5 + 1}"
    assert field == "metadata.name"
    assert "lowercase" in message
    assert [one["metadata"]["name"] for one in cluster.get("configmaps")["items"]] == []


def test_two_services_with_one_node_port_are_refused(cluster):
    ((source, field, message),) = problems(cluster, join(SERVICE % ("a", 31234, "TCP"), SERVICE % ("b", 31234, "UDP")))
    assert (source, field) == ("demo.yaml:9", "spec.ports[0].nodePort")
    assert f"Service {cluster.namespace}/a (demo.yaml:2)" in message
    cluster.rollout(join(SERVICE % ("a", 31234, "TCP"), SERVICE % ("b", 31235, "TCP")))


@pytest.mark.parametrize("where", ["cluster", "set"])
def test_a_sum_above_the_quota_is_refused(cluster, where):
    hard = "configmaps: 3, requests.cpu: 1, count/deployments.apps: 9"
    maps = [CONFIG_MAP % f"map-{number}" for number in range(4)]
    busy = [deployment(n, "{name: c, image: i, resources: {requests: {cpu: 300m}}}", "") for n in ("a", "b", "c", "d")]
    quota = QUOTA % hard
    if where == "cluster":
        cluster.server.request("POST", cluster.path("resourcequotas"), load(quota, "")[0].body)
        quota = ""
    found = problems(cluster, join(*([quota] if quota else []), *maps, *busy))
    messages = sorted(message.partition(", of which")[0] for _source, _field, message in found)
    allowed = "the ResourceQuota small allows %s in the namespace " + cluster.namespace
    assert messages == [allowed % "1 requests.cpu", allowed % "3 configmaps"]


def test_a_role_and_its_binding_by_somebody_who_is_no_administrator(cluster):
    rules = [
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["*"]},
        {"apiGroups": ["", "coordination.k8s.io"], "resources": ["configmaps", "leases"], "verbs": ["*"]},
    ]
    roles = cluster.path("roles", api="/apis/rbac.authorization.k8s.io/v1")
    cluster.server.request("POST", roles, {"metadata": {"name": "builder"}, "rules": rules})
    binding = {
        "metadata": {"name": "builder"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "builder"},
        "subjects": [{"kind": "User", "name": "nobody", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    cluster.server.request("POST", roles.replace("/roles", "/rolebindings"), binding)
    text = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: User, name: someone, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
"""
    login = cluster.server.config_for({"token": "nobody-token-for-tests"})
    path = cluster.server.folder / "nobody.json"
    path.write_text(json.dumps(login), encoding="utf-8")
    assert set(changes(cluster.rollout(text, kubeconfig=str(path))).values()) == {"created"}
