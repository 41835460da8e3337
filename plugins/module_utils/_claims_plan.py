# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Plan the growth of a StatefulSet's claims: every claim is found, its class read, its growth dry-run."""

from __future__ import annotations

from typing import Dict, List, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _claims, _claims_grow, _live
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    ApiError,
    Change,
    Manifest,
    Object,
    ObjectId,
)

_CLASSES = "/apis/storage.k8s.io/v1/storageclasses/"


def plan(client: EngineClient, item: Item) -> List[Problem]:
    """Fill in the claims that have to grow before the set is created again; problems where that can't be."""
    growths, faults = _claims.decide(item.live or {}, item.wanted)
    problems = [item.problem(fault.message, fault.field) for fault in faults]
    if problems:
        return problems
    item.claims = []
    if not growths:
        item.say("claim templates change; claims that exist keep their labels")
        return []
    claims = client.get("/api/v1/namespaces/%s/persistentvolumeclaims" % item.id.namespace).get("items") or []
    classes: Dict[str, Optional[Object]] = {}
    for growth in growths:
        small = _claims.to_grow(_claims.of_set(claims, growth.template, item.id.name), growth.new)
        for claim in small:
            name = str((claim.get("spec") or {}).get("storageClassName") or "")
            if name not in classes:
                classes[name] = _live.get(client, _CLASSES + name) if name else None
            problems += _one(client, item, claim, growth, _claims.unable(claim, classes[name]))
        item.say("%s grows from %s to %s; pods stay" % (growth.template, growth.old, growth.new))
    return problems


def _one(client: EngineClient, item: Item, claim: Object, growth: _claims.Growth, unable: str) -> List[Problem]:
    field = "spec.volumeClaimTemplates[%s].spec.resources.requests.storage" % growth.template
    name = claim["metadata"]["name"]
    if unable:
        text = "PersistentVolumeClaim %s can't grow from %s to %s: %s" % (name, growth.old, growth.new, unable)
        return [item.problem(text, field)]
    body = _claims_grow.body_of(claim, item.id.namespace, growth.new)
    live = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claim}
    resource = client.resource("v1", "PersistentVolumeClaim")
    source = "%s (claim template %s of %s)" % (item.source, growth.template, item.id)
    grown = Item(Manifest(body, source), ObjectId.of(body), resource, live, change=Change.CONFIGURED)
    try:
        grown.planned = _claims_grow.patch(client, grown, dry_run=True)
    except ApiError as error:
        return [item.problem("PersistentVolumeClaim %s can't grow: %s" % (name, error.message), field)]
    grown.note = "grows from %s to %s" % (growth.old, growth.new)
    item.claims.append(grown)
    return []
