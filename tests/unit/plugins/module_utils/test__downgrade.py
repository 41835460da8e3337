# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would be lost if a definition became ours."""

from __future__ import annotations

import copy

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _downgrade


def definition(*versions, stored=("v1",), release=""):
    return {
        "metadata": {"annotations": {"operator.prometheus.io/version": release}},
        "spec": {"versions": list(versions)},
        "status": {"storedVersions": list(stored)},
    }


def version(name, properties, served=True):
    schema = {"openAPIV3Schema": {"properties": {"spec": {"properties": properties}}}}
    return {"name": name, "served": served, "schema": schema}


TEXT = {"type": "string"}
V1 = version("v1", {"a": TEXT, "list": {"items": {"properties": {"x": TEXT}}}})


def test_the_same_loses_nothing():
    assert _downgrade.lacking(definition(V1), copy.deepcopy(definition(V1))) == []


def test_a_newer_one_of_ours_loses_nothing():
    ours = definition(version("v1", {"a": TEXT, "b": TEXT, "list": {"items": {"properties": {"x": TEXT, "y": TEXT}}}}))
    assert _downgrade.lacking(definition(V1), ours) == []


def test_fields_are_named_at_their_top_and_in_lists():
    live = definition(
        version("v1", {"a": TEXT, "b": {"properties": {"c": TEXT}}, "list": {"items": {"properties": {"y": TEXT}}}})
    )
    assert _downgrade.lacking(live, definition(V1)) == [
        "its version v1 has fields that ours lacks: spec.b, spec.list[].y"
    ]


def test_many_fields_are_counted():
    live = definition(version("v1", {"f%d" % number: TEXT for number in range(8)}))
    (said,) = _downgrade.lacking(live, definition(version("v1", {})))
    assert said.endswith("spec.f0, spec.f1, spec.f2, spec.f3, spec.f4 and 3 more")


def test_free_form_takes_any_field():
    live = definition(version("v1", {"a": {"properties": {"x": TEXT}}, "m": {"properties": {"y": TEXT}}}))
    free = {"a": {"x-kubernetes-preserve-unknown-fields": True}, "m": {"additionalProperties": TEXT}}
    assert _downgrade.lacking(live, definition(version("v1", free))) == []


def test_versions():
    live = definition(V1, version("v2", {}), version("v3", {}, served=False), stored=("v1", "v2"))
    assert _downgrade.lacking(live, definition(V1)) == ["objects are stored in version v2, which ours lacks"]
    assert _downgrade.lacking(definition(V1, version("v2", {})), definition(V1)) == [
        "it serves version v2, which ours doesn't"
    ]
    unserved = definition(version("v1", {"a": TEXT}, served=False))
    assert _downgrade.lacking(definition(V1), unserved) == ["it serves version v1, which ours doesn't"]


def test_the_release_that_a_definition_names():
    assert _downgrade.release_of(definition(release="0.94.0")) == "0.94.0"
    assert _downgrade.release_of({"metadata": {"labels": {"app.kubernetes.io/version": "v1.16"}}}) == "v1.16"
    assert _downgrade.release_of({"metadata": {}}) == ""


def test_a_newer_release_may_have_given_fields_up_but_never_versions():
    more = version("v1", {"a": TEXT, "b": TEXT})
    old, new = definition(more, release="0.77.1"), definition(version("v1", {"a": TEXT}), release="0.93.0")
    assert _downgrade.lacking(old, new) == []
    assert _downgrade.lacking(definition(more, release="0.100.0"), new)
    assert _downgrade.lacking(definition(more, release="0.93.0"), new)
    assert _downgrade.lacking(definition(more), new)
    stored = definition(version("v1beta1", {}), stored=("v1beta1",), release="0.77.1")
    assert _downgrade.lacking(stored, new) == ["objects are stored in version v1beta1, which ours lacks"]
