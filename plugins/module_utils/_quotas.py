# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a set adds up to, held against the ResourceQuotas of its namespaces: each object alone would fit.

Only what is certain counts: what objects ask for by themselves, not what limits, admission or surges add to it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _parallel, _podspec, _quantity
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Change, Object

Amounts = Dict[str, Decimal]
"""Resource as a quota names it -> how much of it."""
_QUOTAS = "/api/v1/namespaces/%s/resourcequotas"
_UNQUALIFIED = ("cpu", "memory", "ephemeral-storage")
"""Requests for these are also counted under their bare names."""


class Quota(NamedTuple):
    """One ResourceQuota without scopes."""

    name: str
    namespace: str
    hard: Amounts
    used: Amounts


def check(client: EngineClient, items: Sequence[Item]) -> List[Problem]:
    """Problems of namespaces whose quota the set's new and growing objects exceed together."""
    growing: Dict[str, List[Tuple[Item, Amounts]]] = {}
    for item in items:
        if item.id.namespace and item.change in (Change.CREATED, Change.CONFIGURED):
            more = growth(item)
            if more:
                growing.setdefault(item.id.namespace, []).append((item, more))
    names = sorted(growing)
    live = dict(zip(names, _parallel.each(lambda name: _listed(client, name), names)))
    return [
        problem
        for name in names
        for quota in _quotas(name, live[name], items)
        for problem in _exceeded(quota, growing[name])
    ]


def _listed(client: EngineClient, namespace: str) -> List[Object]:
    """The cluster's quotas of a namespace; who may not see them will hear from the server."""
    try:
        return list(client.get(_QUOTAS % namespace).get("items") or [])
    except ApiError as error:
        if classify(error) in (Answer.FORBIDDEN, Answer.NOT_FOUND):
            return []
        raise


def _quotas(namespace: str, live: Sequence[Object], items: Sequence[Item]) -> Iterator[Quota]:
    """The quotas as they will be: the set's own win over the cluster's."""
    used = {str(quota["metadata"]["name"]): (quota.get("status") or {}).get("used") or {} for quota in live}
    wanted = {str(quota["metadata"]["name"]): quota.get("spec") or {} for quota in live}
    for item in items:
        if (item.id.group, item.id.kind, item.id.namespace) == ("", "ResourceQuota", namespace):
            wanted[item.id.name] = item.manifest.body.get("spec") or {}
    for name, spec in sorted(wanted.items()):
        if not spec.get("scopes") and not spec.get("scopeSelector"):
            yield Quota(name, namespace, _amounts(spec.get("hard")), _amounts(used.get(name)))


def _amounts(values: Any) -> Amounts:
    found = {str(key): _quantity.amount(value) for key, value in (values or {}).items()}
    return {key: value for key, value in found.items() if value is not None}


def _exceeded(quota: Quota, growing: Sequence[Tuple[Item, Amounts]]) -> Iterator[Problem]:
    for resource, hard in sorted(quota.hard.items()):
        asking = [(item, more[resource]) for item, more in growing if more.get(resource)]
        total = sum((much for _item, much in asking), Decimal(0))
        used = quota.used.get(resource, Decimal(0))
        if asking and used + total > hard:
            text = (
                "the ResourceQuota %s allows %s %s in the namespace %s, of which %s is used; this set asks for %s more "
                "(%s): raise the quota or ask for less"
            )
            names = ", ".join(str(item.id) for item, _much in asking[:5]) + (", ..." if len(asking) > 5 else "")
            values = (quota.name, _text(hard), resource, quota.namespace, _text(used), _text(total), names)
            yield asking[0][0].problem(text % values)


def _text(number: Decimal) -> str:
    return str(_quantity.canonical(format(number, "f")))


def growth(item: Item) -> Amounts:
    """How much more of each resource the object takes than now."""
    after = demand(item.planned or item.manifest.body, item)
    before = demand(item.live, item) if item.live is not None else {}
    more = {resource: much - before.get(resource, Decimal(0)) for resource, much in after.items()}
    return {resource: much for resource, much in more.items() if much > 0}


def demand(body: Mapping[str, Any], item: Item) -> Amounts:
    """What an object takes of its namespace's quotas, with the pods and claims that are made from it."""
    found: Amounts = {}
    if item.resource is not None:
        suffix = "." + item.id.group if item.id.group else ""
        _add(found, {"count/%s%s" % (item.resource.plural, suffix): Decimal(1)})
        if not item.id.group:
            _add(found, {item.resource.plural: Decimal(1)})
    special = _SPECIAL.get((item.id.group, item.id.kind))
    if special is not None:
        _add(found, special(body))
    return found


def _add(found: Amounts, more: Mapping[str, Decimal], times: Decimal = Decimal(1)) -> None:
    for resource, much in more.items():
        found[resource] = found.get(resource, Decimal(0)) + much * times


def _spec(body: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = body.get("spec")
    return spec if isinstance(spec, dict) else {}


def _service(body: Mapping[str, Any]) -> Amounts:
    spec = _spec(body)
    balanced = spec.get("type") == "LoadBalancer"
    ports = Decimal(len(spec.get("ports") or ()))
    by_node = spec.get("type") == "NodePort" or (balanced and spec.get("allocateLoadBalancerNodePorts") is not False)
    return {"services.loadbalancers": Decimal(int(balanced)), "services.nodeports": ports if by_node else Decimal(0)}


def _claim(body: Mapping[str, Any]) -> Amounts:
    spec = _spec(body)
    size = _quantity.amount(((spec.get("resources") or {}).get("requests") or {}).get("storage")) or Decimal(0)
    found = {"requests.storage": size}
    if spec.get("storageClassName"):
        prefix = "%s.storageclass.storage.k8s.io/" % spec["storageClassName"]
        found.update({prefix + "requests.storage": size, prefix + "persistentvolumeclaims": Decimal(1)})
    return found


def _pods(count: str) -> Callable[[Mapping[str, Any]], Amounts]:
    """For a workload that makes as many pods as a field says; one where it says nothing."""

    def of(body: Mapping[str, Any]) -> Amounts:
        number = _spec(body).get(count)
        times = Decimal(number if isinstance(number, int) else 1)
        found: Amounts = {}
        _add(found, {"pods": Decimal(1), "count/pods": Decimal(1)}, times)
        _add(found, _of_pod(_podspec.pod_spec(body) or {}), times)
        for template in _spec(body).get("volumeClaimTemplates") or ():
            claims = {"persistentvolumeclaims": Decimal(1), "count/persistentvolumeclaims": Decimal(1)}
            _add(found, {**claims, **_claim(template)}, times)
        return found

    return of


def _of_pod(spec: Mapping[str, Any]) -> Amounts:
    """Requests and limits of one pod: the sum of its containers, or its largest init container."""
    running: Amounts = {}
    largest: Amounts = {}
    for container in spec.get("containers") or ():
        _add(running, _of_container(container))
    for container in spec.get("initContainers") or ():
        for resource, much in _of_container(container).items():
            largest[resource] = max(largest.get(resource, Decimal(0)), much)
    return {key: max(running.get(key, Decimal(0)), largest.get(key, Decimal(0))) for key in {**running, **largest}}


def _of_container(container: Any) -> Amounts:
    resources = container.get("resources") if isinstance(container, dict) else None
    resources = resources if isinstance(resources, dict) else {}
    limits = _amounts(resources.get("limits"))
    requests = {**limits, **_amounts(resources.get("requests"))}  # a limit alone is also the request
    found = {"limits." + name: much for name, much in limits.items()}
    found.update({"requests." + name: much for name, much in requests.items()})
    found.update({name: much for name, much in requests.items() if name in _UNQUALIFIED})
    return found


def _bare_pod(body: Mapping[str, Any]) -> Amounts:
    return _of_pod(_spec(body))


_SPECIAL: Dict[Tuple[str, str], Optional[Callable[[Mapping[str, Any]], Amounts]]] = {
    ("", "Service"): _service,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _bare_pod,
    ("", "ReplicationController"): _pods("replicas"),
    ("apps", "Deployment"): _pods("replicas"),
    ("apps", "ReplicaSet"): _pods("replicas"),
    ("apps", "StatefulSet"): _pods("replicas"),
    ("batch", "Job"): _pods("parallelism"),
}
"""How many pods a DaemonSet or a CronJob makes isn't known beforehand."""
