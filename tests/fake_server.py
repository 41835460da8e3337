# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server in memory: as much of server-side apply as the engine leans on."""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object, Resource

VERBS = frozenset({"get", "list", "watch", "patch", "create", "delete"})
KINDS = [
    ("", "v1", "Namespace", "namespaces", False),
    ("", "v1", "ConfigMap", "configmaps", True),
    ("", "v1", "Secret", "secrets", True),
    ("", "v1", "ServiceAccount", "serviceaccounts", True),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True),
    ("apps", "v1", "Deployment", "deployments", True),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", True),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", False),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False),
]
LEASES = "/leases"
PATH = re.compile(
    r"^/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?$"
)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Field path to value."""
    if isinstance(value, dict) and value:
        found: dict[str, Any] = {}
        for key, item in value.items():
            found.update(leaves(item, f"{path}.{key}"))
        return found
    return {path: value}


def fields(value: Any) -> dict[str, Any]:
    """A value as fieldsV1 writes it; a list is one field."""
    return {"f:" + key: fields(item) for key, item in value.items()} if isinstance(value, dict) else {}


def chosen(value: Any, owned: Mapping[str, Any]) -> Any:
    """The inverse of fields: the part of a value that is owned."""
    if not owned or not isinstance(value, dict):
        return copy.deepcopy(value)
    steps = [step for step in owned if step != "."]
    return {step.removeprefix("f:"): chosen(value[step.removeprefix("f:")], owned[step]) for step in steps}


def merged(base: Any, change: Any) -> Any:
    """Deep merge of two managers' wishes."""
    if isinstance(base, dict) and isinstance(change, dict):
        return {**base, **{key: merged(base.get(key), item) for key, item in change.items()}}
    return copy.deepcopy(change)


class FakeServer:
    """Implements the engine's client. ``refuse``: path -> errors to answer with first. ``writes``: what was written."""

    def __init__(self, *namespaces: str) -> None:
        self.kinds = [Resource(*entry, VERBS) for entry in KINDS]
        self.wishes: dict[str, dict[str, Object]] = {}
        self.extra: dict[str, Object] = {}
        self.refuse: dict[str, list[ApiError]] = {}
        self.writes: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.denied: set[str] = set()
        self.asked: list[Object] = []
        self.revision = 0
        self.revisions: dict[str, int] = {}
        self.lag = 0
        self.late: list[Resource] = []
        self.lock = threading.RLock()
        self.leases: dict[str, Object] = {}
        for name in ("default", *namespaces):
            self.wishes["/api/v1/namespaces/" + name] = {"test": {"status": {"phase": "Active"}}}

    def resource(self, api_version: str, kind: str) -> Resource | None:
        return next((r for r in self.kinds if (r.api_version, r.kind) == (api_version, kind)), None)

    def resources(self) -> list[Resource]:
        return self.kinds

    def forget_discovery(self) -> None:
        self.lag -= 1
        if self.lag <= 0:
            self.kinds, self.late = self.kinds + self.late, []

    def metadata(self, path: str) -> Object:
        """Kind and metadata alone."""
        found = self.get(path)
        return {"kind": "PartialObjectMetadata", "metadata": found["metadata"]}

    def warnings(self) -> list[str]:
        return self.notes

    def text(self, path: str, query: Mapping[str, str] | None = None) -> str:
        return ""

    def watch(self, path: str, query: Mapping[str, str], timeout: float) -> Iterator[Object]:
        return iter(())

    def put(self, path: str, body: Object, manager: str = "test") -> None:
        """Somebody else writes."""
        self.wishes.setdefault(path, {})[manager] = body
        self._touch(path)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        with self.lock:
            self._refused("GET " + path)
            if path == "/version":
                return {"gitVersion": "v1.36.3"}
            if LEASES in path:
                return self._lease("GET", path, {})
            if path in self.wishes:
                return self._object(path, self.wishes[path])
            match = PATH.match(path)
            if match and not match.group("name"):
                items = [self._object(p, w) for p, w in self.wishes.items() if p.startswith(path + "/")]
                bare = [{k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in items]
                return {"kind": "List", "items": bare, "metadata": {"resourceVersion": "1"}}
            raise self._missing(path)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        with self.lock:
            dry = bool(query and query.get("dryRun"))
            self._refused(("DRY " if dry else method + " ") + path)
            if path.startswith("/apis/auth"):
                return self._review(body)
            if LEASES in path:
                return self._lease(method, path, copy.deepcopy(body or {}))
            if method == "DELETE":
                if path not in self.wishes:
                    raise self._missing(path)
                del self.wishes[path]
                self.writes.append((method, path))
                return {}
            if content_type == "application/json-patch+json":
                return self._object(path, self.wishes[path]) if dry else self._move(path, body)
            return self._apply(path, copy.deepcopy(body), dict(query or {}), dry)

    def _move(self, path: str, operations: list[Object]) -> Object:
        """Owners as a JSON patch of managedFields and of one annotation wants them."""
        given = {operation["path"]: operation.get("value") for operation in operations}
        if given["/metadata/resourceVersion"] != str(self.revisions.get(path, 0)):
            raise ApiError(409, "Conflict", "the object has been modified")
        whole = self._object(path, self.wishes[path])
        self.wishes[path] = {e["manager"]: chosen(whole, e["fieldsV1"]) for e in given["/metadata/managedFields"]}
        self._touch(path)
        return self._object(path, self.wishes[path])

    def _review(self, body: Object) -> Object:
        """Everything is allowed but what is in ``denied``, as "verb resource" or "verb resource name"."""
        asked = (body.get("spec") or {}).get("resourceAttributes") or {}
        self.asked.append(asked)
        if body["kind"] == "SelfSubjectReview":
            return {"status": {"userInfo": {"username": "jane"}}}
        if asked["verb"] == "*":
            return {"status": {"allowed": not self.denied}}
        resource = "/".join(part for part in (asked["resource"], asked.get("subresource")) if part)
        call = "%s %s" % (asked["verb"], resource)
        return {"status": {"allowed": not {call, "%s %s" % (call, asked["name"])} & self.denied}}

    def _lease(self, method: str, path: str, body: Object) -> Object:
        """Leases are kept apart: they are no part of what a run writes into the cluster."""
        metadata = body.get("preconditions") or body.get("metadata") or {}
        namespace = path.partition("/namespaces/")[2].partition("/")[0]
        if method == "POST":
            path = "%s/%s" % (path, metadata["name"])
            if "/api/v1/namespaces/" + namespace not in self.wishes:
                raise ApiError(404, "NotFound", f'namespaces "{namespace}" not found')
            if path in self.leases:
                raise ApiError(409, "AlreadyExists", "%s already exists" % path)
        elif path not in self.leases:
            raise self._missing(path)
        now = self.leases.get(path, {"metadata": {}})["metadata"]
        if method == "GET":
            return copy.deepcopy(self.leases[path])
        if any(now.get(key) != metadata[key] for key in ("uid", "resourceVersion") if key in metadata):
            raise ApiError(409, "Conflict", "the object has been modified")
        if method == "DELETE":
            return self.leases.pop(path)
        self.revision += 1
        metadata.update(resourceVersion=str(self.revision), uid=now.get("uid") or "uid-%d" % self.revision)
        self.leases[path] = body
        return copy.deepcopy(body)

    def _apply(self, path: str, body: Object, query: dict[str, str], dry: bool) -> Object:
        match = PATH.match(path)
        namespace = match.group("namespace") if match else None
        if namespace and "/api/v1/namespaces/" + namespace not in self.wishes:
            raise ApiError(404, "NotFound", f'namespaces "{namespace}" not found')
        version = body["metadata"].pop("resourceVersion", None)
        if version is not None and version != str(self.revisions.get(path)):
            raise ApiError(409, "Conflict", "the object has been modified")
        wishes = copy.deepcopy(self.wishes.get(path, {}))
        manager = query["fieldManager"]
        mine = leaves(body)
        for other, theirs in list(wishes.items()):
            clash = [f for f, v in leaves(theirs).items() if other != manager and f in mine and mine[f] != v]
            if clash and query["force"] != "true":
                causes = [{"field": field, "message": f'conflict with "{other}" using v1'} for field in clash]
                raise ApiError(409, "Conflict", "Apply failed with 1 conflict", {"causes": causes})
            for field in clash:
                self._drop(theirs, field)
        wishes[manager] = body
        answer = self._object(path, wishes)
        if not dry and wishes != self.wishes.get(path):
            self.wishes[path] = wishes
            self.writes.append(("PATCH", path))
            self._touch(path)
            answer = self._object(path, wishes)
            if body.get("kind") == "CustomResourceDefinition":
                self._define(body["spec"])
        return answer

    def _define(self, spec: Object) -> None:
        names = spec["names"]
        for version in spec["versions"]:
            scoped = spec["scope"] == "Namespaced"
            made = Resource(spec["group"], version["name"], names["kind"], names["plural"], scoped, VERBS)
            if made not in self.kinds:
                self.late.append(made)

    def _object(self, path: str, wishes: dict[str, Object]) -> Object:
        whole: Object = {}
        for body in wishes.values():
            whole = merged(whole, body)
        match = PATH.match(path)
        metadata = whole.setdefault("metadata", {})
        metadata.setdefault("name", match.group("name") if match else "")
        metadata["uid"] = "uid-of-" + path
        metadata["resourceVersion"] = str(self.revisions.get(path, 0))
        metadata["managedFields"] = [
            {"manager": name, "operation": "Apply", "time": "now", "fieldsV1": fields(body)}
            for name, body in wishes.items()
        ]
        return merged(whole, self.extra.get(path, {}))

    def _touch(self, path: str) -> None:
        self.revision += 1
        self.revisions[path] = self.revision

    def _refused(self, call: str) -> None:
        if self.refuse.get(call):
            raise self.refuse[call].pop(0)

    @staticmethod
    def _drop(body: Object, field: str) -> None:
        """Remove the field at a path whose keys may have dots of their own."""
        path = field.removeprefix(".")
        for key in list(body):
            if path == key:
                del body[key]
            elif path.startswith(key + ".") and isinstance(body[key], dict):
                FakeServer._drop(body[key], path.removeprefix(key))

    @staticmethod
    def _missing(path: str) -> ApiError:
        return ApiError(404, "NotFound", f"{path} not found")
