# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CEL rules: with a library that is made up, and with those that are installed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _schema_cel

SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "x-kubernetes-validations": [{"rule": "self.low <= self.high", "message": "low is above high"}],
            "properties": {
                "low": {"type": "integer"},
                "high": {"type": "integer"},
                "list": {
                    "type": "array",
                    "items": {"type": "string", "x-kubernetes-validations": [{"rule": "self != 'b'"}]},
                },
                "map": {
                    "type": "object",
                    "additionalProperties": {"x-kubernetes-validations": [{"rule": "self > 0", "fieldPath": ".x"}]},
                },
                "kept": {"x-kubernetes-validations": [{"rule": "self == oldSelf"}]},
                "sized": {"x-kubernetes-validations": [{"rule": "quantity(self).isLessThan(quantity('1'))"}]},
            },
        }
    },
}
BODY = {"metadata": {"name": "x"}, "spec": {"low": 2, "high": 1, "list": ["a", "b"], "map": {"m": 0}, "kept": 1}}
FAULTS = [
    ("spec", "low is above high"),
    ("spec.list[1]", "violates the rule: self != 'b'"),
    ("spec.map.m.x", "violates the rule: self > 0"),
]


@pytest.fixture(params=["cel", "celpy"])
def library(request, monkeypatch):
    """Each library alone, where it is installed."""
    member = {"cel": "compile", "celpy": "Environment"}
    if _schema_cel._load(request.param, member[request.param]) is None:
        pytest.skip("%s is not installed" % request.param)
    whole = _schema_cel._load
    monkeypatch.setattr(
        _schema_cel, "_load", lambda module, name: whole(module, name) if module == request.param else None
    )
    _schema_cel._program.cache_clear()
    yield
    _schema_cel._program.cache_clear()


def test_a_library_finds_what_violates_a_rule(library):
    outcome = _schema_cel.check(SCHEMA, BODY)
    assert outcome.faults == FAULTS
    assert outcome.unchecked == []
    assert _schema_cel.library()


def test_a_library_leaves_what_it_does_not_know(library):
    outcome = _schema_cel.check(SCHEMA, {"spec": {"low": 1, "high": 2, "sized": "500m"}})
    assert outcome.faults == []
    assert outcome.unchecked == ["quantity(self).isLessThan(quantity('1'))"]


@pytest.fixture
def programs(monkeypatch):
    """Rules as Python functions of self."""
    made: dict[str, Any] = {}
    monkeypatch.setattr(_schema_cel, "_program", made.get)
    return made


def test_every_rule_that_applies_is_asked(programs):
    programs["self.low <= self.high"] = lambda it: it["low"] <= it["high"]
    programs["self != 'b'"] = lambda it: it != "b"
    programs["self > 0"] = lambda it: it > 0
    assert _schema_cel.check(SCHEMA, BODY) == _schema_cel.Outcome(FAULTS, [])


def test_what_cannot_be_evaluated_is_counted_and_not_guessed(programs):
    programs["self.low <= self.high"] = lambda it: it["absent"]
    programs["self > 0"] = lambda _it: None
    outcome = _schema_cel.check(SCHEMA, BODY)
    assert outcome.faults == []
    assert outcome.unchecked == ["self.low <= self.high", "self != 'b'", "self != 'b'", "self > 0"]


def test_without_a_library_nothing_is_checked(monkeypatch):
    monkeypatch.setattr(_schema_cel, "_load", lambda _module, _member: None)
    _schema_cel._program.cache_clear()
    outcome = _schema_cel.check(SCHEMA, BODY)
    _schema_cel._program.cache_clear()
    assert _schema_cel.library() == ""
    assert outcome.faults == []
    assert len(outcome.unchecked) == 4


def test_a_rule_sees_declared_fields_by_names_it_can_spell():
    text = {"type": "string"}
    schema = {
        "properties": {
            "a-b": text,
            "c.d/e__f": text,
            "in": text,
            "share": {"type": "number"},
            "at": {"type": "string", "format": "date-time"},
            "for": {"type": "string", "format": "duration"},
            "raw": {"type": "string", "format": "byte"},
            "odd": {"type": "string", "format": "duration"},
            "inner": {"x-kubernetes-embedded-resource": True, "properties": {"spec": {}, "metadata": {}}},
            "plain": {"properties": {"kind": text}},
            "list": {"items": {"type": "number"}},
        }
    }
    value = {
        "a-b": "1",
        "c.d/e__f": "2",
        "in": "3",
        "share": 1,
        "at": "2026-01-02T03:04:05Z",
        "for": "1m30s",
        "raw": "YQ==",
        "odd": "often",
        "inner": {"kind": "Pod", "metadata": {"name": "n", "labels": {}}, "spec": 1, "undeclared": 1},
        "plain": {"kind": "text"},
        "list": [1],
        "undeclared": 1,
    }
    seen = _schema_cel.cel_value(schema, value)
    assert seen == {
        "a__dash__b": "1",
        "c__dot__d__slash__e__underscores__f": "2",
        "__in__": "3",
        "share": 1.0,
        "at": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        "__for__": dt.timedelta(seconds=90),
        "raw": b"a",
        "odd": "often",
        "inner": {"kind": "Pod", "metadata": {"name": "n"}, "spec": 1},
        "plain": {"kind": "text"},
        "list": [1.0],
    }
    assert isinstance(seen["share"], float)
