# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's changes."""

from __future__ import annotations

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _overrides
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from hypothesis import given
from hypothesis import strategies as st

TREES = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
)


def manifest(kind="ConfigMap", name="one", namespace="here", **more):
    return Manifest({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **more})


def test_mappings_merge_lists_are_replaced_and_null_removes():
    base = {"a": {"x": 1, "y": 2}, "b": [1, 2], "c": 3}
    assert _overrides.merge(base, {"a": {"y": None, "z": 3}, "b": [3], "d": {"e": None}}) == {
        "a": {"x": 1, "z": 3},
        "b": [3],
        "c": 3,
        "d": {},
    }


@given(TREES, TREES)
def test_a_merge_is_idempotent_and_with_itself_changes_nothing(base, change):
    once = _overrides.merge(base, change)
    assert _overrides.merge(once, change) == once
    assert _overrides.merge(base, base) == base


def test_kind_and_name_choose_and_the_rest_narrows():
    items = [manifest(), manifest(namespace="there"), manifest(kind="Secret")]
    override = {"kind": "ConfigMap", "name": "one", "namespace": "there", "merge": {"data": {"a": "b"}}}
    assert _overrides.apply(items, [override]) == []
    assert [item.body.get("data") for item in items] == [None, {"a": "b"}, None]
    assert _overrides.apply(items, [{**override, "api_version": "v2"}]) != []


def test_an_override_without_object_names_the_nearest():
    (problem,) = _overrides.apply([manifest()], [{"kind": "ConfigMap", "name": "oen", "merge": {}}])
    assert problem.source == "overrides[0]"
    assert "did you mean ConfigMap one?" in problem.message
    (problem,) = _overrides.apply([], [{"kind": "Zebra", "name": "z", "namespace": "n", "merge": {}}])
    assert problem.object == "Zebra n/z"
    assert problem.message.endswith("the set has: nothing")


def test_an_override_cannot_rename():
    items = [manifest()]
    change = {"kind": "ConfigMap", "name": "one", "merge": {"metadata": {"name": "two"}}}
    (problem,) = _overrides.apply(items, [change])
    assert "can't change what an object is called" in problem.message
    assert items[0].id.name == "one"
