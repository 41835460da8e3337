# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the definitions of a run answer, and what is sent of them."""

from __future__ import annotations

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _registry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest


def definition(kind: str, version: str = "v1", **schema: object) -> Manifest:
    names = {"kind": kind, "plural": kind.lower() + "s"}
    versions = [
        {"name": version, "served": True, "schema": {"openAPIV3Schema": schema}},
        {"name": "v0", "served": False},
    ]
    spec = {"group": "example.org", "scope": "Namespaced", "names": names, "versions": versions}
    body = {"kind": "CustomResourceDefinition", "metadata": {"name": names["plural"] + ".example.org"}, "spec": spec}
    return Manifest(body, "crd.yaml", 1)


def thing(kind: str) -> Manifest:
    return Manifest({"apiVersion": "example.org/v1", "kind": kind, "metadata": {"name": "x"}})


def test_others_are_read_only_when_the_set_has_no_answer():
    asked = []

    def others() -> list[Manifest]:
        asked.append(1)
        return [definition("Gear", "v2"), definition("Cog", "v9")]

    registry = _registry.Registry([definition("Cog"), thing("Cog")], others)
    found = registry.find("example.org", "Cog")
    assert (found.own, found.api_versions, found.name) == (True, ["example.org/v1"], "cogs.example.org")
    assert registry.find("apps", "Deployment") is None
    assert registry.own("example.org", "Gear") is None
    assert asked == []
    assert registry.find("example.org", "Gear").schema("example.org/v2") == {}
    assert registry.find("example.org", "Gear").schema("example.org/v0") is None
    assert registry.complete
    assert asked == [1]
    assert registry.find("example.org", "Cog").own


def test_hints():
    registry = _registry.Registry([definition("Cog"), definition("Lever")])
    assert registry.hint("example.com/v1", "Cog") == "this run has Cog in example.org/v1"
    assert registry.hint("example.org/v1", "Cogg") == "did you mean Cog?"
    assert registry.hint("example.org/v1", "Zzz") == "in example.org this run has: Cog, Lever"
    assert registry.hint("elsewhere.org/v1", "Zzz") == ""
    assert not registry.complete


def test_half_a_definition_is_none():
    assert _registry.read({"kind": "CustomResourceDefinition"}, own=True) is None
    spec = {"versions": [None, {"name": "v1"}], "names": None}
    found = _registry.read({"kind": "CustomResourceDefinition", "spec": spec}, own=True)
    assert list(found.versions) == ["v1"]


def test_only_kinds_that_are_used_travel_and_without_prose():
    schema = {
        "description": "prose",
        "properties": {"description": {"type": "string", "description": "prose"}, "properties": {"description": "p"}},
        "items": [{"description": "prose", "type": "string"}],
    }
    sent = _registry.needed([thing("Cog")], [definition("Cog", **schema), definition("Gear"), thing("Cog")])
    assert [manifest.id.name for manifest in sent] == ["cogs.example.org"]
    assert sent[0].body["spec"]["versions"][0]["schema"]["openAPIV3Schema"] == {
        "properties": {"description": {"type": "string"}, "properties": {}},
        "items": [{"type": "string"}],
    }


def test_the_number_that_scaling_sets_cannot_be_negative():
    body = definition("Cog", properties={"spec": {"properties": {"replicas": {"type": "integer"}}}}).body
    scale = {"scale": {"specReplicasPath": ".spec.replicas"}}
    body["spec"]["versions"][0]["subresources"] = scale
    schema = _registry.read(body, own=True).versions["v1"]
    assert schema["properties"]["spec"]["properties"]["replicas"] == {"type": "integer", "minimum": 0}
    assert "minimum" not in str(body)
    scale["scale"]["specReplicasPath"] = ".spec.elsewhere.replicas"
    assert "minimum" not in str(_registry.read(body, own=True).versions["v1"])
