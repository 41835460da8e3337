# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real API server and people with different rights on it."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _engine
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from brownfield_layout import definition, free
from house_tree import tool
from integration.engine.apiserver import ApiServer
from integration.engine.conftest import server
from rules.rendering import render, templates

__all__ = ["server"]

RBAC = "/apis/rbac.authorization.k8s.io/v1"
SITE = {
    "platform_cluster": "least",
    "platform_kubeconfig": "-",
    "inventory_hostname": "least",
    "groups": {},
    "platform_storage_class": "",
}
KINDS = ("Alertmanager", "PodMonitor", "Prometheus", "PrometheusRule", "ScrapeConfig", "ServiceMonitor")
_PEOPLE = itertools.count(1)


class Person:
    """Somebody with rights, who rolls out our roles."""

    def __init__(self, server: ApiServer, name: str) -> None:
        self.server, self.name = server, name

    def may(self, verb: str, resource: str, namespace: str, group: str = "") -> bool:
        """Ask the server."""
        attributes = {"verb": verb, "resource": resource, "namespace": namespace, "group": group}
        spec = {"user": self.name, "resourceAttributes": attributes}
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return bool(self.server.request("POST", path, {"spec": spec})["status"]["allowed"])

    def rollout(self, component: str, manifests: list[Manifest] | None = None, **options: Any) -> dict[str, Any]:
        """Roll a role's own templates out, or other manifests."""
        if manifests is None:
            bodies = [(body, name) for name in templates(component) for body in render(component, name, SITE)]
            manifests = [Manifest(body, name) for body, name in bodies]
        settings = {
            "component": component,
            "namespace": "monitoring",
            "inventory_namespace": "monitoring",
            "wait": False,
            "kubeconfig": str(self.server.kubeconfig),
            "impersonate_user": self.name,
            **options,
        }
        return _engine.run(Request.of(settings, manifests, False, False), [].append, environ={})


@pytest.fixture(scope="session")
def rules() -> list[dict[str, Any]]:
    """The manifest of docs/rights.md."""
    return tool("rights").manifest()


@pytest.fixture(scope="session")
def definitions() -> list[Manifest]:
    """Stand-ins for the operator's definitions: they take any field."""
    versions = {"ScrapeConfig": "v1alpha1"}
    made = [free(definition("monitoring.coreos.com", kind), versions.get(kind, "v1")) for kind in KINDS]
    return [Manifest(body, "definitions") for body in made]


@pytest.fixture(scope="session")
def hire(server: ApiServer, rules: list[dict[str, Any]]) -> Callable[..., Person]:
    """Make a person with the rights of the page, but for the rules that ``without`` matches and verbs in ``less``."""
    for name in ("monitoring", "monitoring-agents"):
        server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def made(
        without: Callable[[dict[str, Any]], bool] = lambda _rule: False, less: frozenset[str] = frozenset()
    ) -> Person:
        person = Person(server, f"person-{next(_PEOPLE)}")
        for role in copy.deepcopy(rules):
            kind, namespace = role["kind"], role["metadata"].get("namespace")
            role["metadata"]["name"] += "-" + person.name
            role["rules"] = [
                {**rule, "verbs": [verb for verb in rule["verbs"] if verb not in less]}
                for rule in role["rules"]
                if not without(rule)
            ]
            role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
            where = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
            server.request("POST", f"{where}/{kind.lower()}s", role)
            binding = {
                "metadata": {"name": role["metadata"]["name"]},
                "roleRef": {"apiGroup": RBAC.split("/")[2], "kind": kind, "name": role["metadata"]["name"]},
                "subjects": [{"apiGroup": RBAC.split("/")[2], "kind": "User", "name": person.name}],
            }
            server.request("POST", f"{where}/{kind.lower()}bindings", binding)
        deadline = time.monotonic() + 10
        # The last binding that was made is the last that the server's authorizer sees.
        while not person.may("get", "pods", "monitoring-agents") and time.monotonic() < deadline:
            time.sleep(0.05)
        return person

    return made
