# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client over a list of objects: as much of an API server as reading needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object, Resource

PLURALS = {"StorageClass": "storageclasses", "Ingress": "ingresses"}
PATH = re.compile(
    r"^/apis?/(?P<version>(?:[^/]+\.[^/]+/|apps/|batch/|policy/)?v[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/.))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?$"
)


def plural_of(kind: str) -> str:
    """The plural that a path uses."""
    return PLURALS.get(kind, kind.lower() + "s")


class FakeCluster:
    """Serves objects by list and get; answers in ``errors`` (path part to ApiError) go before."""

    def __init__(self, *objects: Object, logs: Mapping[str, str] | None = None) -> None:
        self.objects = list(objects)
        self.logs = dict(logs or {})
        self.errors: dict[str, ApiError] = {}
        self.asked: list[str] = []

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """GET one object, or a list."""
        self._answer(path)
        found = PATH.match(path)
        if not found:
            raise AssertionError("no such path: " + path)
        of_kind = [
            obj
            for obj in self.objects
            if obj["apiVersion"] == found["version"]
            and plural_of(obj["kind"]) == found["plural"]
            and found["namespace"] in (None, obj["metadata"].get("namespace"))
        ]
        if found["name"]:
            named = [obj for obj in of_kind if obj["metadata"]["name"] == found["name"]]
            if not named:
                raise ApiError(404, "NotFound", "%s %s not found" % (found["plural"], found["name"]))
            return named[0]
        for part in (query or {}).get("fieldSelector", "").split(","):
            if part:
                of_kind = [obj for obj in of_kind if _at(obj, part.split("=")[0]) == part.split("=")[1]]
        bare = [{key: value for key, value in obj.items() if key not in ("apiVersion", "kind")} for obj in of_kind]
        return {"metadata": {"resourceVersion": "100"}, "items": bare}

    def text(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """GET a log: by container, with "previous:" before it."""
        self._answer(path)
        asked = query or {}
        key = ("previous:" if asked.get("previous") else "") + asked["container"]
        if key not in self.logs:
            raise ApiError(400, "BadRequest", "no such log")
        return self.logs[key]

    def send(self, *_args: Any, **_kwargs: Any) -> Object:
        """Nothing that reads may write."""
        raise AssertionError("nothing may be written")

    def watch(self, path: str, query: Mapping[str, str], timeout: float) -> Iterator[Object]:
        """No events."""
        self._answer(path)
        return iter(())

    def resource(self, api_version: str, kind: str) -> Resource:
        """Any kind is served."""
        group, _slash, version = api_version.rpartition("/")
        namespaced = kind not in ("StorageClass", "PersistentVolume", "Namespace", "CustomResourceDefinition")
        return Resource(group, version, kind, plural_of(kind), namespaced)

    def forget_discovery(self) -> None:
        """Nothing to forget."""

    def _answer(self, path: str) -> None:
        self.asked.append(path)
        for part, error in self.errors.items():
            if part in path:
                raise error


def _at(obj: Any, path: str) -> Any:
    for key in path.split("."):
        obj = obj.get(key) if isinstance(obj, dict) else None
    return obj
