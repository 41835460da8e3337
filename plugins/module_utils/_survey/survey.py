# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One pass over a cluster: a few lists, and the definitions that discovery says are there."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _live, _login_client, _pages, _parallel
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._connection_errors import explain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey import findings as _findings
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey import judge as _judge
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey import ours
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey.findings import Finding
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey.signatures import (
    SIGNATURES,
    Signature,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object

_WORKLOADS = (("apps/v1", "Deployment"), ("apps/v1", "DaemonSet"), ("apps/v1", "StatefulSet"))
_HOOKS = (
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
)
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
OPERATOR_GROUP = "monitoring.coreos.com"


def run(options: Mapping[str, Any], environ: Any = None, client: Any = None) -> Dict[str, Any]:
    """Look once and judge. Raises RolloutError where something is in the way, with everything found as its result."""
    asked, endpoint = _login_client.opened(options, environ, client)
    stack, agents = str(options.get("namespace") or ""), str(options.get("agents_namespace") or "")
    given = list(options.get("components") or ())
    made = {str(one["name"]): ours.objects(str(one["name"]), stack, agents) for one in given}
    components = [_component(one, made[str(one["name"])]) for one in given]
    try:
        found, unread = look(asked, components)
        found += _namesakes(asked, made, {finding.title for finding in found})
        served = frozenset(r.kind for r in asked.resources() if r.api_version == OPERATOR_GROUP + "/v1")
    except ApiError as error:
        raise explain(error, endpoint) from error
    judged = _judge.judge(found, components, served)
    shown = _judge.table(judged.lines) if judged.lines else []
    result = {
        "changed": False,
        "found": [_judge.entry(line) for line in judged.lines],
        "table": shown,
        "use": judged.use,
        "unread": unread,
        "problems": judged.problems,
    }
    if judged.problems:
        lines = ["%s. Nothing was written." % _counted(len(judged.problems))]
        lines += ["- %s." % problem.rstrip(".") for problem in judged.problems]
        raise RolloutError("\n".join([*lines, "", *shown]).rstrip(), result)
    return result


def _counted(number: int) -> str:
    return "This cluster has something that is in the way" if number == 1 else "%d things are in the way" % number


def _component(given: Mapping[str, Any], made: Sequence[ours.Identity]) -> _judge.Component:
    own = frozenset(
        (str(entry["kind"]), str(entry.get("namespace") or ""), str(entry["name"])) for entry in given.get("own") or ()
    ).union((kind, namespace, name) for _api_version, kind, namespace, name in made)
    return _judge.Component(
        str(given["name"]),
        str(given.get("existing") or "stop"),
        own,
        tuple(int(port) for port in given.get("host_ports") or ()),
        tuple(str(argument) for argument in given.get("arguments") or ()),
        tuple(str(name) for name in given.get("namespaces") or ()),
    )


def look(client: EngineClient, components: Sequence[_judge.Component]) -> Tuple[List[Finding], List[str]]:
    """What is there that isn't ours, and what couldn't be looked at."""
    ports = {port: component.name for component in components for port in component.host_ports}
    instances = {pair: signature for signature in SIGNATURES for pair in signature.kinds}
    pairs = [*_WORKLOADS, *_HOOKS, *instances]
    listed = _parallel.each(lambda pair: _list(client, *pair), pairs)
    unread = ["%s %s: not allowed to look" % pair for pair, (_bodies, allowed) in zip(pairs, listed) if not allowed]
    found: List[Finding] = []
    for pair, (bodies, _allowed) in zip(pairs, listed):
        for body in bodies:
            one = _one(pair, body, ports, instances)
            if one is not None:
                found.append(one)
    groups = _groups(client)
    named = {component.name for component in components}
    for signature in SIGNATURES:
        definitions = _findings.definitions(_defined(client, signature, groups, signature.role in named), signature)
        if definitions is not None:
            found.append(definitions)
    return found, unread


def _namesakes(client: EngineClient, made: Mapping[str, Sequence[ours.Identity]], known: Set[str]) -> List[Finding]:
    """Objects that somebody else has under a name of ours, but for those that were recognised already."""
    wanted = [(role, identity) for role, identities in made.items() for identity in identities]
    bodies = _parallel.each(lambda pair: _body(client, pair[1]), wanted)
    found = [_findings.namesake(body, role) for (role, _identity), body in zip(wanted, bodies) if body is not None]
    return [finding for finding in found if finding is not None and finding.title not in known]


def _body(client: EngineClient, identity: ours.Identity) -> Optional[Object]:
    api_version, kind, namespace, name = identity
    resource = client.resource(api_version, kind)
    if resource is None:
        return None
    try:
        return _live.get(client, resource.path(namespace, name))
    except ApiError as error:
        if classify(error) is Answer.FORBIDDEN:
            return None
        raise


def _one(
    pair: Tuple[str, str], body: Object, ports: Mapping[int, str], instances: Mapping[Tuple[str, str], Signature]
) -> Any:
    if pair in instances:
        return _findings.instance(body, instances[pair])
    return _findings.webhook(body) if pair in _HOOKS else _findings.workload(body, ports)


def _list(client: EngineClient, api_version: str, kind: str) -> Tuple[List[Object], bool]:
    """Every object of a kind, page by page; (nothing, False) where that isn't allowed."""
    resource = client.resource(api_version, kind)
    if resource is None:
        return [], True
    try:
        bodies = [{"apiVersion": api_version, "kind": kind, **body} for body in _pages.objects(client, resource.path())]
    except ApiError as error:
        if classify(error) is Answer.FORBIDDEN:
            return [], False
        raise
    return bodies, True


def _groups(client: EngineClient) -> Dict[str, List[str]]:
    """Group to the plural names of its kinds."""
    found: Dict[str, List[str]] = {}
    for resource in client.resources():
        names = found.setdefault(resource.group, [])
        if resource.plural not in names:
            names.append(resource.plural)
    return found


def _defined(
    client: EngineClient, signature: Signature, groups: Mapping[str, List[str]], all_of_them: bool
) -> List[Object]:
    """Metadata of a product's definitions: all where a role of ours brings them too, else one to tell whose they are.

    Whole, those of the Prometheus Operator alone are near 3 MB.
    """
    names: FrozenSet[str] = frozenset(
        "%s.%s" % (plural, group) for group in signature.groups for plural in groups.get(group, ())
    )
    chosen = sorted(names) if all_of_them else sorted(names)[:1]
    try:
        bodies = _parallel.each(lambda name: _live.metadata(client, _DEFINITIONS + name), chosen)
    except ApiError as error:
        if classify(error) is Answer.FORBIDDEN:
            return []
        raise
    return [body for body in bodies if body is not None]
