# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Where a component's objects, or any others, stand right now."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _connection_secrets,
    _discovery,
    _holder,
    _inventory,
    _leases,
    _login_client,
    _mask,
    _rollout_result,
    _running,
    _wait,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._connection_errors import explain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import (
    conditions_of,
    inventory_name,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    ObjectId,
    Resource,
    Status,
    Verdict,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import CustomCondition

Found = List[Tuple[str, ObjectId, Optional[Resource]]]
"""(api_version, identity, how the server serves the kind)"""

LOOKS = (0.0, 5.0, 20.0)
"""Seconds that each look may take; the later ones are only for what the earlier ones could not read in time."""


def run(
    options: Mapping[str, Any], environ: Optional[Mapping[str, str]] = None, client: Optional[EngineClient] = None
) -> Dict[str, Any]:
    """Look once and judge. Raises RolloutError."""
    secrets = _connection_secrets.of_options(options, os.environ if environ is None else environ)
    try:
        asked, endpoint = _login_client.opened(options, environ, client)
        secrets |= _connection_secrets.of_endpoint(endpoint)
        return _look(options, asked, endpoint)
    except RolloutError as error:
        error.message = _mask.scrub(error.message, secrets)
        error.args = (error.message,)
        raise


def _look(options: Mapping[str, Any], asked: EngineClient, endpoint: Optional[Endpoint]) -> Dict[str, Any]:
    started = time.monotonic()
    uids: Set[str] = set()
    more: Dict[str, Any] = {}
    try:
        found = _recorded(asked, options, uids) if options.get("component") else []
        for entry in options.get("resources") or ():
            found += _named(asked, entry)
        verdicts = _judge(asked, found, conditions_of(options.get("conditions")))
        if options.get("running"):
            namespaces = {identity.namespace for _version, identity, _resource in found if identity.namespace}
            more = {"running": _running.containers(asked, namespaces, uids), "lease": _lease(asked, options)}
        version = str(asked.get("/version").get("gitVersion") or "")
    except ApiError as error:
        raise explain(error, endpoint) from error
    objects = [
        {
            "api_version": api_version,
            "kind": identity.kind,
            "namespace": identity.namespace,
            "name": identity.name,
            "verdict": verdicts[identity].status.value,
            "reason": verdicts[identity].reason,
        }
        for api_version, identity, _resource in found
    ]
    return {
        "component": options.get("component") or "",
        "server_version": version,
        "objects": objects,
        "verdict": _rollout_result.overall([verdict.status for verdict in verdicts.values()]).value,
        "seconds": round(time.monotonic() - started, 3),
        "changed": False,
        **more,
    }


def _lease(client: EngineClient, options: Mapping[str, Any]) -> str:
    """Who is at work on the component; empty where nobody is, or nobody may know."""
    namespace = str(options.get("inventory_namespace") or "default")
    try:
        seen = _leases.Leases(client, namespace, str(options.get("component") or ""), _holder.Holder()).read()
    except RolloutError:
        return ""
    return str(seen) if seen is not None and seen.holder and not seen.dead else ""


def _recorded(client: EngineClient, options: Mapping[str, Any], uids: Set[str]) -> Found:
    component = str(options["component"])
    namespace = str(options.get("inventory_namespace") or "default")
    entries = _inventory.read(client, namespace, component)
    if entries is None:
        raise RolloutError(
            "No record of the component %s: there is no ConfigMap %s in the namespace %s. "
            "Set inventory_namespace to where it was rolled out." % (component, inventory_name(component), namespace)
        )
    uids.update(entry.uid for entry in entries if entry.uid)
    return [(entry.api_version, entry.id, client.resource(entry.api_version, entry.id.kind)) for entry in entries]


def _named(client: EngineClient, entry: Mapping[str, Any]) -> Found:
    """The objects that one entry of ``resources`` means; a name always means one, there or not."""
    api_version, kind = str(entry.get("api_version") or "v1"), str(entry["kind"])
    resource = client.resource(api_version, kind)
    group = api_version.rpartition("/")[0]
    if resource is None:
        hint = _discovery.hint(api_version, kind, client.resources())
        text = "No kind %s in %s on this server" % (kind, api_version)
        raise RolloutError("%s; %s." % (text, hint) if hint else text + ".")
    namespace = str(entry.get("namespace") or "") if resource.namespaced else ""
    if entry.get("name"):
        if resource.namespaced and not namespace:
            raise RolloutError("resources: %s %s: namespace is missing." % (kind, entry["name"]))
        return [(api_version, ObjectId(group, kind, namespace, str(entry["name"])), resource)]
    query = {"labelSelector": str(entry["label_selector"])} if entry.get("label_selector") else None
    items = client.get(resource.path(namespace), query).get("items") or []
    return [
        (
            api_version,
            ObjectId(group, kind, str(item["metadata"].get("namespace") or ""), str(item["metadata"]["name"])),
            resource,
        )
        for item in items
    ]


def _judge(client: EngineClient, found: Found, conditions: List[CustomCondition]) -> Dict[ObjectId, Verdict]:
    verdicts = {
        identity: Verdict(Status.NOT_FOUND, "no kind %s in %s on this server" % (identity.kind, api_version))
        for api_version, identity, resource in found
        if resource is None
    }
    targets = [_wait.Target(resource, identity) for _version, identity, resource in found if resource is not None]
    for timeout in LOOKS:
        outcomes = _wait.wait_for(client, targets, timeout=timeout, emit=_quiet, conditions=conditions)
        verdicts.update({outcome.id: outcome.verdict for outcome in outcomes})
        # Large lists (CRDs) on a busy server take longer than one look has.
        targets = [target for target in targets if verdicts[target.id].reason == _wait.UNREAD]
    return verdicts


def _quiet(line: str) -> None:
    """Nobody watches a single look."""
