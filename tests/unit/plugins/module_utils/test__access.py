# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights are asked for before the first write, cheaply, and all that are missing are named at once."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _rights
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._rights import Right
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from engine_case import changes, rollout
from fake_server import FakeServer

TEXT = """
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {a: ours}
"""
ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
"""


@pytest.fixture
def server():
    return FakeServer("here")


def forbid(server, call):
    server.refuse[call] = [ApiError(403, "Forbidden", "User jane cannot patch resource")] * 9


def test_an_administrator_costs_one_question(server):
    rollout(server, TEXT)
    assert [asked["verb"] for asked in server.asked] == ["*"]


def test_a_run_that_writes_nothing_asks_nothing(server):
    rollout(server, TEXT)
    server.asked.clear()
    rollout(server, TEXT)
    assert server.asked == []


def test_check_mode_asks_too(server):
    server.denied = {"create leases"}
    with pytest.raises(InvalidInput, match="jane may not create leases"):
        rollout(server, TEXT, check_mode=True)


def test_what_is_missing_is_named_with_the_rule_before_any_write(server):
    server.denied = {"create leases", "update leases", "patch configmaps"}
    with pytest.raises(InvalidInput) as caught:
        rollout(server, TEXT, inventory_namespace="here")
    said = str(caught.value)
    assert "- jane may not create leases.coordination.k8s.io rollout-demo in the namespace here" in said
    assert "- jane may not patch configmaps rollout-inventory-demo in the namespace here" in said
    assert said.endswith(
        "# Role in the namespace here\n"
        '- apiGroups: [""]\n  resources: [configmaps]\n  verbs: [patch]\n'
        '- apiGroups: ["coordination.k8s.io"]\n  resources: [leases]\n  verbs: [create, update]'
    )
    assert caught.value.result["missing_rules"] in said
    assert server.writes == []
    assert server.leases == {}


def test_a_right_on_the_one_name_is_enough(server):
    server.denied = {"patch configmaps"}
    allowed = server._review

    def by_name(body):
        asked = (body.get("spec") or {}).get("resourceAttributes") or {}
        if asked.get("name") == "rollout-inventory-demo":
            return {"status": {"allowed": True}}
        return allowed(body)

    server._review = by_name
    assert changes(rollout(server, TEXT)) == {"one": "created"}


def test_a_refused_dry_run_ends_in_the_whole_list(server):
    server.denied = {"patch configmaps", "delete leases"}
    forbid(server, "DRY /api/v1/namespaces/here/configmaps/one")
    with pytest.raises(InvalidInput) as caught:
        rollout(server, TEXT)
    said = str(caught.value)
    assert "jane may not patch configmaps one in the namespace here" in said
    assert "jane may not delete leases" in said
    assert "not allowed:" not in said


def test_a_refused_read_ends_in_the_whole_list(server):
    server.denied = {"get configmaps", "create configmaps"}
    forbid(server, "GET /api/v1/namespaces/here/configmaps/one")
    with pytest.raises(InvalidInput, match="jane may not create configmaps one in the namespace here"):
        rollout(server, TEXT)


def test_a_refusal_that_isn_t_about_rights_stays_what_it_is(server):
    forbid(server, "DRY /api/v1/namespaces/here/configmaps/one")
    server.denied = {"something else"}
    with pytest.raises(InvalidInput, match="not allowed: User jane cannot"):
        rollout(server, TEXT)


def test_a_server_without_reviews_is_no_obstacle(server):
    path = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    server.refuse[path] = [ApiError(404, "NotFound", "no such path")] * 50
    assert changes(rollout(server, TEXT)) == {"one": "created"}


def test_deleting_asks_for_delete(server):
    rollout(server, TEXT)
    server.denied = {"delete configmaps"}
    with pytest.raises(InvalidInput, match="may not delete configmaps one in the namespace here"):
        rollout(server, TEXT, state="absent")
    assert ("DELETE", "/api/v1/namespaces/here/configmaps/one") not in server.writes


def escalating(server, *held):
    """The dry run of a role is refused; what may be handed out is asked."""
    server.denied = {"escalate clusterroles", "get pods", "list pods"} - set(held)
    forbid(server, "DRY /apis/rbac.authorization.k8s.io/v1/clusterroles/reader")


def test_handing_out_needs_escalate_or_the_rights_themselves(server):
    escalating(server)
    with pytest.raises(InvalidInput) as caught:
        rollout(server, ROLE)
    assert "jane may not escalate clusterroles.rbac.authorization.k8s.io reader" in str(caught.value)
    assert "resourceNames: [reader]" in str(caught.value)


@pytest.mark.parametrize("held", [("escalate clusterroles",), ("get pods", "list pods")])
def test_either_is_enough(server, held):
    escalating(server, *held)
    with pytest.raises(InvalidInput) as caught:
        rollout(server, ROLE)
    assert "escalate" not in str(caught.value)


def test_binding_to_a_role_outside_the_set_needs_bind(server):
    text = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reads}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
"""
    server.denied = {"bind clusterroles"}
    forbid(server, "DRY /apis/rbac.authorization.k8s.io/v1/namespaces/here/rolebindings/reads")
    with pytest.raises(InvalidInput) as caught:
        rollout(server, text)
    assert "may not bind clusterroles.rbac.authorization.k8s.io view in the namespace here" in str(caught.value)


def test_rules_are_short_and_by_namespace():
    rights = [
        Right("b", "", "secrets", "get"),
        Right("", "apps", "deployments", "patch", "x"),
        Right("", "apps", "daemonsets", "patch", "y"),
        Right("", _rights.RBAC, "clusterroles", "bind", "edit"),
    ]
    assert _rights.rules(rights).splitlines() == [
        "# ClusterRole",
        '- apiGroups: ["apps"]',
        "  resources: [daemonsets, deployments]",
        "  verbs: [patch]",
        '- apiGroups: ["rbac.authorization.k8s.io"]',
        "  resources: [clusterroles]",
        "  resourceNames: [edit]",
        "  verbs: [bind]",
        "# Role in the namespace b",
        '- apiGroups: [""]',
        "  resources: [secrets]",
        "  verbs: [get]",
    ]
