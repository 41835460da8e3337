# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets that are compared: plain data, no cluster state in them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Body = dict[str, Any]
PAUSE = "example.org/pause:1"
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Set:
    """Objects to compare with.

    Attributes:
        name: As in the table.
        about: What it stands for.
        objects: Makes them, without namespace and owner.
        repeats: How often each phase is timed.
        loop: Whether the loop of kubernetes.core is run, or told from another set's seconds for an object.
        upstream: They come from a pinned file, as an operator's definitions do, not from a role's template.
    """

    name: str
    about: str
    objects: Callable[[], list[Body]]
    repeats: int
    loop: bool = True
    upstream: bool = False


def _metadata(name: str) -> Body:
    return {"name": name, "labels": {"app.kubernetes.io/name": name}}


def config_maps(count: int) -> list[Body]:
    """Small ConfigMaps, as rules and dashboards are carried."""
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": _metadata(f"bench-{number:04}"),
            "data": {"number": str(number), "text": "line\n" * 20},
        }
        for number in range(count)
    ]


def mixed() -> list[Body]:
    """What ten applications are made of: 104 objects of 12 kinds."""
    made = config_maps(14)
    for number in range(10):
        made += _application(f"app-{number}", number)
    return made


def _application(name: str, number: int) -> Iterator[Body]:
    metadata, labels = _metadata(name), {"app": name}
    port = {"name": "http", "containerPort": 8080}
    container = {
        "name": "main",
        "image": PAUSE,
        "ports": [port],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
    }
    pod = {"metadata": {"labels": labels}, "spec": {"serviceAccountName": name, "containers": [container]}}
    selector = {"matchLabels": labels}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    yield {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"token": f"secret-{number}"}}
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    yield {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    yield {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name}],
    }
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {"podSelector": selector, "ingress": [{"ports": [{"port": 8080}]}]},
    }
    yield {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {"maxUnavailable": 1, "selector": selector},
    }
    workload = {"selector": selector, "template": pod}
    kinds: tuple[Body, ...] = (
        {"kind": "Deployment", "spec": {"replicas": 2, **workload}},
        {"kind": "StatefulSet", "spec": {"replicas": 2, "serviceName": name, **workload}},
        {"kind": "DaemonSet", "spec": workload},
    )
    yield {"apiVersion": "apps/v1", "metadata": metadata, **kinds[number % 3]}
    job = {"spec": {"template": {"spec": {**pod["spec"], "restartPolicy": "Never"}}}}
    spec = {"schedule": "0 * * * *", "jobTemplate": job}
    yield {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}


def definitions(folder: Path) -> list[Body]:
    """The definitions of the Prometheus Operator, which are among the largest that people install."""
    return [yaml.load(path.read_text(), Loader=_Loader) for path in sorted(folder.glob("*.yaml"))]


class _Loader(yaml.CSafeLoader):
    """Without the rule by which a lone ``=`` isn't text."""


_Loader.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:value"]
    for first, rules in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def placed(body: Body, owner: str) -> Body:
    """The object as one contender's own: in its namespace, or, as a definition, in an API group of its own."""
    made = copy.deepcopy(body)
    if body["kind"] != "CustomResourceDefinition":
        made["metadata"]["namespace"] = owner
        return made
    made["spec"]["group"] = f"{owner}.example.org"
    made["metadata"]["name"] = f"{body['spec']['names']['plural']}.{owner}.example.org"
    return made


def drifting(bodies: list[Body]) -> Body:
    """The object that somebody changes, a ConfigMap where there is one."""
    return next((body for body in bodies if body["kind"] == "ConfigMap"), bodies[0])


def drifted(live: Body, manager: str) -> Body:
    """What an apply by the contender's own manager makes of it: one value is another."""
    body = {key: copy.deepcopy(live[key]) for key in ("apiVersion", "kind", "data", "spec") if key in live}
    metadata = live["metadata"]
    body["metadata"] = {key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if key in metadata}
    if "data" in body:
        body["data"]["number"] = f"changed by {manager}"
    else:
        body["spec"]["names"]["shortNames"] = ["drifted"]
    return body
