# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kinds go first."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _order
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ObjectId
from hypothesis import given
from hypothesis import strategies as st


def identity(kind, group=""):
    return ObjectId(group, kind, "n", "x")


KINDS = [
    identity("Namespace"),
    identity("CustomResourceDefinition", "apiextensions.k8s.io"),
    identity("StorageClass", "storage.k8s.io"),
    identity("ServiceAccount"),
    identity("Secret"),
    identity("Role", "rbac.authorization.k8s.io"),
    identity("RoleBinding", "rbac.authorization.k8s.io"),
    identity("Service"),
    identity("Deployment", "apps"),
    identity("HorizontalPodAutoscaler", "autoscaling"),
    identity("Prometheus", "monitoring.coreos.com"),
    identity("ValidatingWebhookConfiguration", "admissionregistration.k8s.io"),
]


def test_what_others_need_goes_first():
    numbers = [_order.stage(one) for one in KINDS]
    assert numbers == sorted(numbers)
    assert numbers[0] == numbers[1] == _order.FOUNDATION


@pytest.mark.parametrize(("kind", "group"), [("Service", "serving.knative.dev"), ("Secret", "vault.example.org")])
def test_a_custom_kind_is_not_taken_for_a_built_in_one(kind, group):
    assert _order.stage(identity(kind, group)) == _order.CUSTOM


@given(st.permutations(KINDS))
def test_stages_are_sorted_and_lose_nothing(kinds):
    groups = _order.stages([(kind, kind) for kind in kinds])
    flat = [kind for group in groups for kind in group]
    assert sorted(flat) == sorted(kinds)
    assert [_order.stage(kind) for kind in flat] == sorted(_order.stage(kind) for kind in flat)
    for group in groups:
        assert group == [kind for kind in kinds if kind in group]
