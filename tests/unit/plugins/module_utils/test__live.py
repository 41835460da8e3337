# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many calls reading the live state takes, and that no object is overlooked by saving some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _live
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._transform import COMPONENT_LABEL
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Manifest,
    ObjectId,
    Resource,
)

CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps", True, frozenset({"get", "list"}))
HOME = "/api/v1/namespaces/here/configmaps"


class Server:
    """Knows names and their labels; lists pages in order of name."""

    def __init__(self, **components: str) -> None:
        self.there = {name.replace("_", "-"): component for name, component in components.items()}
        self.calls: list[str] = []
        self.errors: dict[str, ApiError] = {}

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        listed = path == HOME
        wanted = dict(query or {})
        kind = "list ours" if "labelSelector" in wanted else "list all" if listed else "get"
        self.calls.append(kind)
        if kind in self.errors:
            raise self.errors[kind]
        if not listed:
            name = path.rpartition("/")[2]
            if name not in self.there:
                raise ApiError(404, "NotFound", "no " + name)
            return {"kind": "ConfigMap", **self.body(name)}
        selector = wanted.get("labelSelector", "").partition("=")[2]
        names = sorted(name for name, label in self.there.items() if not selector or label == selector)
        start, limit = int(wanted.get("continue", 0)), int(wanted["limit"])
        more = {"continue": str(start + limit)} if start + limit < len(names) else {}
        return {"metadata": more, "items": [self.body(name) for name in names[start : start + limit]]}

    def body(self, name: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "uid": "uid-" + name}}


def item(name: str, component: str = "demo", resource: Resource = CONFIG_MAPS) -> Item:
    metadata: dict[str, Any] = {"name": name, "namespace": "here"}
    if component:
        metadata["labels"] = {COMPONENT_LABEL: component}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    return Item(Manifest(body), ObjectId("", resource.kind, "here", name), resource)


def numbered(count: int) -> list[str]:
    return [f"c-{number:04}" for number in range(count)]


def server(ours: list[str] | None = None, others: int = 0) -> Server:
    made = Server()
    made.there.update(dict.fromkeys(ours or [], "demo"))
    made.there.update({f"b-{number:04}": "" for number in range(others)})
    return made


def names_read(items: list[Item]) -> list[str]:
    return [item.id.name for item in items if item.live is not None]


@pytest.mark.parametrize("others", [0, 5000])
def test_what_we_wrote_takes_one_call_whatever_else_there_is(others: int) -> None:
    names = numbered(300)
    there, items = server(names, others), [item(name) for name in names]
    _live.read(there, items)
    assert there.calls == ["list ours"]
    assert names_read(items) == names
    assert items[7].live == {"apiVersion": "v1", "kind": "ConfigMap", **there.body("c-0007")}


def test_a_long_list_of_ours_comes_in_pages() -> None:
    names = numbered(1001)
    there, items = server(names), [item(name) for name in names]
    _live.read(there, items)
    assert there.calls == ["list ours"] * 3
    assert names_read(items) == names


def test_new_objects_take_two_calls_in_a_small_namespace() -> None:
    there, items = server([], others=10), [item(name) for name in numbered(50)]
    _live.read(there, items)
    assert there.calls == ["list ours", "list all"]
    assert names_read(items) == []


def test_new_objects_beside_many_others_are_asked_for_one_by_one() -> None:
    there, items = server(["c-0003"], others=5000), [item(name) for name in numbered(50)]
    _live.read(there, items)
    assert there.calls == ["list ours", "list all"] + ["get"] * 49
    assert names_read(items) == ["c-0003"]


def test_an_object_that_lost_its_label_is_found() -> None:
    names = numbered(20)
    there, items = server(names), [item(name) for name in names]
    there.there["c-0004"] = ""
    there.there["c-0005"] = "another"
    _live.read(there, items)
    assert there.calls == ["list ours", "get", "get"]
    assert names_read(items) == names


def test_few_objects_are_asked_for_one_by_one() -> None:
    there, items = server(["c-0001"]), [item(name) for name in numbered(_live.LISTED_FROM - 1)]
    _live.read(there, items)
    assert there.calls == ["get"] * len(items)
    assert names_read(items) == ["c-0001"]


def test_items_from_the_record_are_found_by_the_component_they_were_of() -> None:
    names = numbered(30)
    there, items = server(names, others=5000), [item(name, component="") for name in names]
    _live.read(there, items, "demo")
    assert there.calls == ["list ours"]
    assert names_read(items) == names


@pytest.mark.parametrize("status", [403, 404, 410])
def test_where_lists_are_refused_or_expire_each_is_asked_for(status: int) -> None:
    names = numbered(10)
    there, items = server(names), [item(name) for name in names]
    there.errors["list ours"] = ApiError(status, "", "no")
    _live.read(there, items)
    assert there.calls == ["list ours"] + ["get"] * 10
    assert names_read(items) == names


def test_a_server_that_fails_is_not_taken_for_empty() -> None:
    there = server()
    there.errors["list ours"] = ApiError(503, "", "down")
    with pytest.raises(ApiError, match="down"):
        _live.read(there, [item(name) for name in numbered(10)])


def test_definitions_of_others_are_never_listed() -> None:
    there = server(others=0)
    resource = Resource("", "v1", "CustomResourceDefinition", "configmaps", True, frozenset({"get", "list"}))
    items = [item(name, resource=resource) for name in numbered(10)]
    _live.read(there, items)
    assert there.calls == ["list ours"] + ["get"] * 10


def test_what_was_read_before_is_forgotten_when_it_is_gone() -> None:
    items = [item(name) for name in numbered(10)]
    for one in items:
        one.live = {"old": True}
    _live.read(server(), items)
    assert names_read(items) == []
