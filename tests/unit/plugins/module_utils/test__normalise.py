# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests in the server's form."""

from __future__ import annotations

import copy

from ansible_collections.openhands.gpu_observability.plugins.module_utils._normalise import normalise, quantities_of
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def deployment(container):
    template = {"metadata": {"creationTimestamp": None}, "spec": {"containers": [container]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"template": template}}


def test_what_only_a_server_sets_goes():
    metadata = {"name": "x", "uid": "1", "resourceVersion": "2", "generation": 3, "managedFields": [], "labels": None}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": "Running"}}
    assert normalise(body) == {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}


def test_string_data_becomes_data_and_wins():
    body = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "eA==", "b": "eQ=="}, "stringData": {"a": "é"}}
    assert normalise(body) == {"apiVersion": "v1", "kind": "Secret", "data": {"a": "w6k=", "b": "eQ=="}}


def test_quantities_and_empty_variables_of_built_in_kinds():
    container = {
        "name": "c",
        "env": [{"name": "A", "value": ""}, {"name": "B", "value": "b"}],
        "resources": {"requests": {"cpu": 0.5, "memory": "1024Mi"}, "claims": [{"name": "gpu"}]},
    }
    found = normalise(deployment(container))["spec"]["template"]["spec"]["containers"][0]
    assert found["env"] == [{"name": "A"}, {"name": "B", "value": "b"}]
    assert found["resources"] == {"requests": {"cpu": "500m", "memory": "1Gi"}, "claims": [{"name": "gpu"}]}


def test_other_quantities_are_found_too():
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"resources": {"requests": {"storage": 1}}}}
    assert list(quantities_of(claim)) == [("spec.resources.requests.storage", 1)]
    volume = {"name": "tmp", "emptyDir": {"sizeLimit": "0.5Gi"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"volumes": [volume]}}
    assert normalise(pod)["spec"]["volumes"][0]["emptyDir"]["sizeLimit"] == "512Mi"
    assert list(quantities_of(pod)) == [("spec.volumes[0].emptyDir.sizeLimit", "0.5Gi")]
    limits = {"apiVersion": "v1", "kind": "LimitRange", "spec": {"limits": [{"max": {"cpu": "1000m"}}]}}
    assert normalise(limits)["spec"]["limits"] == [{"max": {"cpu": "1"}}]


def test_custom_kinds_and_definitions_keep_what_was_written():
    for api_version in ("monitoring.coreos.com/v1", "apiextensions.k8s.io/v1"):
        body = {"apiVersion": api_version, "kind": "X", "spec": {"resources": {"requests": {"cpu": 0.5}}}}
        assert normalise(body) == body
        assert list(quantities_of(body)) == []


@given(JSON)
def test_normalising_twice_is_once_and_changes_nothing_given(spec):
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": spec}
    given = copy.deepcopy(body)
    once = normalise(body)
    assert body == given
    assert normalise(once) == once
