# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML to manifests."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import flatten, load


def values(text: str):
    return load("kind: X\nspec: {value: %s}" % text, "x.yaml")[0].body["spec"]["value"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("[=]", ["="]),
        ("22:22", "22:22"),
        ("1:30:00", "1:30:00"),
        ("0644", 420),
        ("0x1f", 31),
        ("12", 12),
        ("1.5", 1.5),
        ("true", True),
        ("'1'", "1"),
        ("1e3", "1e3"),
        ("~", None),
    ],
)
def test_a_scalar_means_what_kubernetes_takes_it_for(text, value):
    assert values(text) == value


def test_documents_keep_their_line_and_empty_ones_are_left_out():
    manifests = load("---\n# nothing\n---\n# comment\n\nkind: A\n---\n---\nkind: B\n", "x.yaml")
    assert [(m.body["kind"], m.source, m.line) for m in manifests] == [("A", "x.yaml", 6), ("B", "x.yaml", 9)]


def test_lists_are_taken_apart():
    text = "kind: List\napiVersion: v1\nitems:\n- kind: A\n- kind: RoleList\n  items: [{kind: B}]\n"
    assert [m.body["kind"] for m in load(text, "x")] == ["A", "B"]
    assert [m.body["kind"] for m in flatten([{"kind": "A"}, {"kind": "B"}], "x")] == ["A", "B"]


def test_a_kind_that_only_ends_in_list_is_itself():
    assert load("kind: AccessList\nitems: none\n", "x")[0].body["kind"] == "AccessList"


def test_merge_keys_still_merge():
    assert load("kind: A\nb: &b {x: 1}\nc: {<<: *b, y: 2}\n", "x")[0].body["c"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3: the key a is given twice (first on line 1)"),
        ("a:\n  80: web\n", "x.yaml:2: the key 80 is not text: put it in quotes"),
        ("a: [1\nb: 2\n", "x.yaml:2: not valid YAML"),
        ("a: !!binary aGk=\n", "x.yaml:1: not valid YAML"),
        ("---\nkind: A\n--- text\n", "x.yaml:3: expected an object, found str"),
        ("a: \x07\n", "x.yaml: not valid YAML"),
    ],
)
def test_a_fault_names_its_line(text, message):
    with pytest.raises(InvalidInput) as caught:
        load(text, "x.yaml")
    assert message in caught.value.message


def test_lines_can_be_mapped_back_to_a_template():
    with pytest.raises(InvalidInput, match="x:12: the key a"):
        load("a: 1\na: 2\n", "x", lambda line: line + 10)
