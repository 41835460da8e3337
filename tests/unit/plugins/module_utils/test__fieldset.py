# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fieldsV1 as sets of paths."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _fieldset

WEB = 'k:{"name":"web"}'
FIELDS = {
    "f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:finalizers": {'v:"x"': {}}},
    "f:spec": {"f:replicas": {}, "f:containers": {WEB: {".": {}, "f:image": {}, "f:name": {}}}},
}
BODY = {
    "metadata": {"labels": {"app": "a"}, "finalizers": ["y", "x"]},
    "spec": {"replicas": 2, "containers": [{"name": "side"}, {"name": "web", "image": "i"}], "args": ["a", "b"]},
}


def test_a_set_survives_the_way_there_and_back():
    assert _fieldset.tree(_fieldset.paths(FIELDS)) == FIELDS
    assert ("f:metadata", "f:labels") in _fieldset.paths(FIELDS)
    assert ("f:spec",) not in _fieldset.paths(FIELDS)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("f:spec", "f:replicas"), ("spec", "replicas")),
        (("f:spec", "f:containers", WEB, "f:image"), ("spec", "containers", 1, "image")),
        (("f:metadata", "f:finalizers", 'v:"x"'), ("metadata", "finalizers", 1)),
        (("f:spec", "f:args", "i:1"), ("spec", "args", 1)),
        (("f:spec", "f:args", "i:2"), None),
        (("f:spec", "f:gone"), None),
        (("f:spec", "f:containers", 'k:{"name":"none"}'), None),
        (("f:spec", "f:replicas", 'k:{"name":"none"}'), None),
        (("f:metadata", "f:finalizers", 'v:"z"'), None),
    ],
)
def test_a_path_is_located(path, place):
    assert _fieldset.locate(BODY, path) == place


def test_removing_leaves_no_empty_parents_and_the_original_alone():
    left = _fieldset.without(BODY, [("metadata", "labels", "app"), ("spec", "containers", 0)])
    assert left == {
        "metadata": {"finalizers": ["y", "x"]},
        "spec": {"replicas": 2, "containers": [{"name": "web", "image": "i"}], "args": ["a", "b"]},
    }
    assert len(BODY["spec"]["containers"]) == 2
    assert _fieldset.without(BODY, []) is BODY


def test_what_was_empty_before_stays():
    assert _fieldset.without({"spec": {"emptyDir": {}, "a": 1}}, [("spec", "a")]) == {"spec": {"emptyDir": {}}}


def test_one_value_is_replaced():
    changed = _fieldset.replaced(BODY, ("spec", "containers", 1, "image"), "j")
    assert changed["spec"]["containers"] == [{"name": "side"}, {"name": "web", "image": "j"}]
    assert BODY["spec"]["containers"][1]["image"] == "i"


def test_a_path_reads_as_the_server_writes_it():
    assert _fieldset.text(("f:spec", "f:containers", WEB, "f:image")) == 'spec.containers[name="web"].image'
    assert _fieldset.text(("f:metadata", "f:finalizers", 'v:"x"')) == 'metadata.finalizers[="x"]'
    assert _fieldset.text(("f:args", "i:3")) == "args[3]"
