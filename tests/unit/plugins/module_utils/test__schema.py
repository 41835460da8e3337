# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects against structural schemas: one row for each rule. The API server's verdict is compared elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _schema, _schema_defaults

TEXT: dict[str, Any] = {"type": "string"}


def faults(spec: dict[str, Any], value: Any) -> list[tuple[str, str]]:
    """Faults of one field named it."""
    schema = {"type": "object", "properties": {"it": spec}}
    return _schema.check(schema, {"apiVersion": "v1", "kind": "K", "metadata": {"name": "x"}, "it": value})


def mapping(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


LIST_MAP = {
    "type": "array",
    "items": mapping(name=TEXT, port={"type": "integer"}),
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}
LOOSE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": mapping(b=TEXT)}}
EMBEDDED = {**mapping(spec=mapping(a=TEXT)), "x-kubernetes-embedded-resource": True}

GOOD = [
    (TEXT, "a"),
    ({"type": "integer"}, 1),
    ({"type": "integer"}, 1.0),
    ({"type": "integer", "format": "int32"}, -(2**31)),
    ({"type": "integer", "format": "int64"}, 2**63 - 1),
    ({"type": "number"}, 1),
    ({"type": "boolean"}, False),
    ({**TEXT, "nullable": True}, None),
    ({}, None),
    ({"x-kubernetes-int-or-string": True}, 1),
    ({"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}, "25%"),
    ({"type": "integer", "enum": [1, 2]}, 2),
    ({**TEXT, "pattern": "^a+$"}, "aa"),
    ({**TEXT, "pattern": "(?i)a|^(?i)b"}, "no machine with Python's patterns only can read this one"),
    ({**TEXT, "format": "date-time"}, "2026-01-02T03:04:05.6+01:00"),
    ({**TEXT, "format": "unheard-of"}, "a"),
    ({"type": "object", "additionalProperties": TEXT}, {"any": "a"}),
    ({"type": "object", "additionalProperties": True}, {"any": 1}),
    ({"type": "object"}, {"dropped": "without a word"}),
    (LOOSE, {"x": 1, "a": {"b": "c", "y": 2}}),
    (LIST_MAP, [{"name": "a"}, {"name": "b"}]),
    ({"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}, ["a", "b"]),
    ({"type": "array", "items": TEXT}, ["a", "a"]),
    (EMBEDDED, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"a": "b"}}),
    (
        {"type": "object", "properties": {"a": TEXT, "b": TEXT}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"a": ""},
    ),
    ({"type": "integer", "not": {"enum": [0]}}, 1),
    ({"type": "number", "multipleOf": 0.5}, 1.5),
    ({"type": "integer", "minimum": 1, "maximum": 1}, 1),
]


@pytest.mark.parametrize(("spec", "value"), GOOD)
def test_what_fits_has_no_fault(spec, value):
    assert faults(spec, value) == []


BAD = [
    (TEXT, 1, "it", "must be text, not 1"),
    (TEXT, None, "it", "must not be empty: it has to be text"),
    ({"type": "integer"}, "1", "it", 'must be an integer, not "1"'),
    ({"type": "integer"}, True, "it", "must be an integer, not true"),
    ({"type": "integer"}, 1.5, "it", "must be an integer, not 1.5"),
    ({"type": "number"}, "x", "it", "must be a number"),
    ({"type": "boolean"}, "yes", "it", "must be true or false"),
    (mapping(a=TEXT), [], "it", "must be a mapping"),
    ({"type": "array", "items": TEXT}, {}, "it", "must be a list"),
    ({"type": "array", "items": TEXT}, ["a", 1], "it[1]", "must be text"),
    ({"x-kubernetes-int-or-string": True}, 1.5, "it", "must be an integer or text"),
    ({"type": "integer", "enum": [1, 2]}, 3, "it", "3 isn't one of 1, 2"),
    ({"enum": [1]}, True, "it", "true isn't one of 1"),
    ({**TEXT, "pattern": "^a+$"}, "a\n", "it", "doesn't match ^a+$"),
    ({**TEXT, "pattern": r"^\d\z"}, "\u0661", "it", "doesn't match"),
    ({**TEXT, "pattern": "^[[:alpha:]]$"}, "1", "it", "doesn't match"),
    ({**TEXT, "format": "date-time"}, "yesterday", "it", "isn't of the format date-time"),
    ({**TEXT, "format": "date"}, "2026-13-01", "it", "isn't of the format date"),
    ({**TEXT, "format": "byte"}, "%", "it", "isn't of the format byte"),
    ({**TEXT, "format": "ipv4"}, "1.2.3", "it", "isn't of the format ipv4"),
    ({**TEXT, "format": "ipv6"}, "1.2.3.4", "it", "isn't of the format ipv6"),
    ({**TEXT, "format": "cidr"}, "1.2.3.4", "it", "isn't of the format cidr"),
    ({**TEXT, "format": "uuid"}, "1", "it", "isn't of the format uuid"),
    ({"type": "integer", "format": "int32"}, 2**31, "it", "2147483648 doesn't fit into int32"),
    ({"type": "integer", "minimum": 1}, 0, "it", "0 must be at least 1"),
    ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 1, "it", "1 must be more than 1"),
    ({"type": "integer", "maximum": 1}, 2, "it", "2 must be at most 1"),
    ({"type": "integer", "maximum": 1, "exclusiveMaximum": True}, 1, "it", "1 must be less than 1"),
    ({"type": "number", "multipleOf": 0.5}, 0.7, "it", "must be a multiple of 0.5"),
    ({**TEXT, "minLength": 2}, "a", "it", "has 1 characters, at least 2 are allowed"),
    ({**TEXT, "maxLength": 1}, "ab", "it", "at most 1 are allowed"),
    ({"type": "array", "items": TEXT, "minItems": 1}, [], "it", "has 0 entries"),
    ({"type": "array", "items": TEXT, "maxItems": 1}, ["a", "b"], "it", "has 2 entries"),
    ({"type": "array", "items": TEXT, "uniqueItems": True}, ["a", "a"], "it", '"a" stands there twice'),
    ({"type": "object", "additionalProperties": TEXT, "maxProperties": 1}, {"a": "", "b": ""}, "it", "has 2 fields"),
    ({"type": "object", "additionalProperties": TEXT, "minProperties": 1}, {}, "it", "has 0 fields"),
    ({"type": "object", "additionalProperties": TEXT}, {"a": 1}, "it.a", "must be text"),
    ({**mapping(a=TEXT), "required": ["a"]}, {}, "it.a", "is required, but missing"),
    (mapping(replicas=TEXT), {"replics": "1"}, "it.replics", "did you mean replicas?"),
    (mapping(replicas=TEXT), {"REPLICAS": "1"}, "it.REPLICAS", "did you mean replicas?"),
    (mapping(replicas=TEXT), {"zzz": "1"}, "it.zzz", "is not a field of this kind"),
    (LOOSE, {"a": {"b": 1}}, "it.a.b", "must be text"),
    (LIST_MAP, [{"name": "a"}, {"name": "a", "port": 1}], "it[1]", 'a second entry with name "a"'),
    ({"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}, ["a", "a"], "it[1]", "stands there twice"),
    (EMBEDDED, {"kind": "Pod"}, "it.apiVersion", "is required"),
    (EMBEDDED, {"apiVersion": "v1", "kind": "P", "metadata": {"labels": {"a": 1}}}, "it.metadata.labels[a]", "quotes"),
    ({**mapping(a=TEXT), "allOf": [{"required": ["a"]}]}, {}, "it.a", "is required"),
    (
        {**mapping(a=TEXT), "anyOf": [{"required": ["a"]}]},
        {},
        "it",
        "fits none of the 1 allowed forms: it.a is required",
    ),
    ({**mapping(a=TEXT), "oneOf": [{}, {"properties": {"a": {}}}]}, {}, "it", "fits 2 of the allowed forms"),
    ({"type": "integer", "not": {"enum": [0]}}, 0, "it", "ruled out"),
]


@pytest.mark.parametrize(("spec", "value", "field", "message"), BAD)
def test_a_fault_is_named_with_its_field(spec, value, field, message):
    found = faults(spec, value)
    assert [one for one in found if one[0] == field and message in one[1]], found


@pytest.mark.parametrize(
    ("metadata", "field", "message"),
    [
        ([], "metadata", "must be a mapping"),
        ({"name": 1}, "metadata.name", "must be text"),
        ({"lables": {}}, "metadata.lables", "is not a field of metadata"),
        ({"labels": {"a": "b c"}}, "metadata.labels[a]", "at most 63"),
        ({"labels": {"a": "b" * 64}}, "metadata.labels[a]", "at most 63"),
        ({"labels": {"-": "b"}}, "metadata.labels[-]", "isn't a name"),
        ({"annotations": {"A_/b": "x"}}, "metadata.annotations[A_/b]", "isn't a name"),
        ({"annotations": {"a": True}}, "metadata.annotations[a]", "put it in quotes"),
        ({"annotations": {"a": "x" * 300000}}, "metadata.annotations", "at most 262144"),
    ],
)
def test_metadata_has_rules_of_its_own(metadata, field, message):
    ((found, text),) = _schema.check({"type": "object"}, {"metadata": metadata})
    assert found == field
    assert message in text


def test_a_definition_may_narrow_the_name_only():
    schema = mapping(metadata=mapping(name={**TEXT, "maxLength": 3}))
    body = {"metadata": {"name": "long", "labels": {"a": "b"}}}
    assert _schema.check(schema, body) == [("metadata.name", "has 4 characters, at most 3 are allowed")]


def test_defaults_are_filled_in_wherever_their_parent_is():
    port = mapping(protocol={**TEXT, "default": "TCP"}, port={"type": "integer"})
    schema = mapping(
        size={"type": "integer", "default": 1},
        ports={"type": "array", "items": port},
        by_name={"type": "object", "additionalProperties": port},
        deep={**port, "default": {}},
        absent=port,
        empty={**TEXT, "default": "a", "nullable": True},
        null={**TEXT, "default": "a"},
    )
    value = {"ports": [{"port": 1}], "by_name": {"x": {}}, "empty": None, "null": None, "other": 1}
    assert _schema_defaults.filled(schema, value) == {
        "ports": [{"port": 1, "protocol": "TCP"}],
        "by_name": {"x": {"protocol": "TCP"}},
        "size": 1,
        "deep": {"protocol": "TCP"},
        "empty": None,
        "null": "a",
        "other": 1,
    }
    assert "size" not in value
