# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A kubeconfig file (or dict) as typed data, without the kubernetes package."""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import (
    ConnectionProblem,
    InvalidInput,
    MissingLibrary,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import documents

DEFAULT_PATH = "~/.kube/config"


@dataclass
class Kubeconfig:
    """The merged content of one or more kubeconfig files; named entries remember the folder of their file."""

    origin: str
    current_context: str = ""
    clusters: Dict[str, Tuple[Dict[str, Any], str]] = field(default_factory=dict)
    users: Dict[str, Tuple[Dict[str, Any], str]] = field(default_factory=dict)
    contexts: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    content: Dict[str, Any] = field(default_factory=dict)
    paths: List[str] = field(default_factory=list)

    def absorb(self, content: Mapping[str, Any], folder: str) -> None:
        """Add a file's entries; the first file that names an entry wins."""
        self.current_context = self.current_context or str(content.get("current-context") or "")
        for entry in _entries(content, "clusters", self.origin):
            self.clusters.setdefault(str(entry["name"]), (_part(entry, "cluster"), folder))
        for entry in _entries(content, "users", self.origin):
            self.users.setdefault(str(entry["name"]), (_part(entry, "user"), folder))
        for entry in _entries(content, "contexts", self.origin):
            self.contexts.setdefault(str(entry["name"]), _part(entry, "context"))

    def user(self, context: str = "") -> Tuple[Dict[str, Any], str]:
        """The context's user entry and the folder that its paths start from."""
        return self._user(self._context(context))

    def endpoint(self, context: str = "") -> Endpoint:
        """Resolve a context (default: the current one) to an endpoint."""
        name = context or self.current_context
        chosen = self._context(context)
        origin = "%s, context %s" % (self.origin, name)
        cluster, cluster_folder = self._cluster(chosen, name)
        user, user_folder = self._user(chosen)
        server = str(cluster.get("server") or "")
        if not server:
            raise ConnectionProblem("%s: the cluster %s has no server." % (origin, chosen.get("cluster")))
        token_file = _path(user.get("tokenFile"), user_folder)
        token = str(user.get("token") or "")
        if token_file and not token:
            token = _read(token_file, "tokenFile", origin).decode("utf-8").strip()
        return Endpoint(
            server=server.rstrip("/"),
            origin=origin,
            verify=not cluster.get("insecure-skip-tls-verify"),
            ca=_material(cluster, "certificate-authority", cluster_folder, origin),
            tls_server_name=str(cluster.get("tls-server-name") or ""),
            client_cert=_material(user, "client-certificate", user_folder, origin),
            client_key=_material(user, "client-key", user_folder, origin),
            token=token,
            token_file=token_file,
            username=str(user.get("username") or ""),
            password=str(user.get("password") or ""),
            impersonate_user=str(user.get("as") or ""),
            impersonate_uid=str(user.get("as-uid") or ""),
            impersonate_groups=tuple(str(group) for group in user.get("as-groups") or ()),
            impersonate_extra={
                str(key): tuple(str(value) for value in values or ())
                for key, values in (user.get("as-user-extra") or {}).items()
            },
            proxy=str(cluster.get("proxy-url") or ""),
            namespace=str(chosen.get("namespace") or ""),
        )

    def _context(self, context: str) -> Dict[str, Any]:
        name = context or self.current_context
        if not name:
            raise ConnectionProblem(
                "%s: no context is given and the file has no current-context. Set the option context (it has: %s)."
                % (self.origin, _names(self.contexts))
            )
        if name not in self.contexts:
            raise ConnectionProblem("%s: no context %s (it has: %s)." % (self.origin, name, _names(self.contexts)))
        return self.contexts[name]

    def _cluster(self, chosen: Mapping[str, Any], context: str) -> Tuple[Dict[str, Any], str]:
        name = str(chosen.get("cluster") or "")
        if name not in self.clusters:
            raise ConnectionProblem(
                "%s: context %s names the cluster %s, which the file doesn't have (it has: %s)."
                % (self.origin, context, name or "''", _names(self.clusters))
            )
        return self.clusters[name]

    def _user(self, chosen: Mapping[str, Any]) -> Tuple[Dict[str, Any], str]:
        name = str(chosen.get("user") or "")
        if name and name not in self.users:
            raise ConnectionProblem(
                "%s: no user %s (it has: %s)." % (self.origin, name, _names(self.users)),
            )
        return self.users.get(name, ({}, ""))


def read(source: Union[str, Mapping[str, Any]]) -> Kubeconfig:
    """Read a path, several paths joined by the path separator, or a dict."""
    if isinstance(source, Mapping):
        config = Kubeconfig("the kubeconfig given as a dictionary", content=dict(source))
        config.absorb(source, "")
        return config
    paths = [os.path.abspath(os.path.expanduser(part)) for part in source.split(os.pathsep) if part]
    present = [path for path in paths if os.path.exists(path)]
    if not present:
        raise ConnectionProblem(
            "kubeconfig %s: no such file. Set the option kubeconfig (or K8S_AUTH_KUBECONFIG) to the cluster's file."
            % (", ".join(paths) or "''")
        )
    config = Kubeconfig("kubeconfig %s" % ", ".join(present), paths=present)
    for path in present:
        config.absorb(_content(path), os.path.dirname(path))
    return config


def _content(path: str) -> Dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        found = [document for document, _line in documents(text, path) if document is not None]
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not a text file"
        raise ConnectionProblem("kubeconfig %s can't be read: %s." % (path, reason)) from exc
    except InvalidInput as exc:
        raise ConnectionProblem("kubeconfig: %s." % exc.problems[0]) from exc
    except MissingLibrary as exc:  # pragma: no cover
        raise ConnectionProblem(exc.message) from exc
    if len(found) != 1 or not isinstance(found[0], dict):
        raise ConnectionProblem("kubeconfig %s isn't a kubeconfig: expected one mapping." % path)
    content: Dict[str, Any] = found[0]
    return content


def _entries(content: Mapping[str, Any], key: str, origin: str) -> List[Mapping[str, Any]]:
    entries = content.get(key) or []
    if not isinstance(entries, list) or any(not isinstance(e, Mapping) or "name" not in e for e in entries):
        raise ConnectionProblem("%s: %s must be a list of named entries." % (origin, key))
    return entries


def _part(entry: Mapping[str, Any], key: str) -> Dict[str, Any]:
    value = entry.get(key)
    return dict(value) if isinstance(value, Mapping) else {}


def _names(entries: Mapping[str, Any]) -> str:
    return ", ".join(sorted(entries)) or "none"


def _path(value: Any, folder: str) -> str:
    return os.path.join(folder, os.path.expanduser(str(value))) if value else ""


def _material(part: Mapping[str, Any], key: str, folder: str, origin: str) -> Optional[bytes]:
    """Read PEM from ``<key>-data`` or from the file named by ``<key>``."""
    inline = part.get(key + "-data")
    if inline:
        try:
            return base64.b64decode(str(inline), validate=True)
        except (binascii.Error, ValueError) as exc:
            raise ConnectionProblem("%s: %s-data isn't valid base64." % (origin, key)) from exc
    path = _path(part.get(key), folder)
    return _read(path, key, origin) if path else None


def _read(path: str, what: str, origin: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as exc:
        raise ConnectionProblem("%s: the %s %s can't be read: %s." % (origin, what, path, exc.strerror)) from exc
