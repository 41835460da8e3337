# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Grow the claims of a StatefulSet."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _claims, _drift, _live
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object

_MERGE = "application/merge-patch+json"


def body_of(claim: Object, namespace: str, storage: str) -> Object:
    """What is asked of a claim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim["metadata"]["name"], "namespace": namespace},
        "spec": {"resources": {"requests": {"storage": storage}}},
    }


def patch(client: EngineClient, grown: Item, dry_run: bool = False) -> Object:
    """Ask for more, of the very claim that was read."""
    query: Dict[str, Any] = {"fieldManager": _drift.FIELD_MANAGER}
    if dry_run:
        query["dryRun"] = "All"
    metadata = (grown.live or {}).get("metadata") or {}
    wanted = {"spec": grown.manifest.body["spec"], "metadata": {"uid": metadata.get("uid")}}
    return client.send("PATCH", grown.path(), wanted, query, _MERGE)


def run(client: EngineClient, item: Item) -> List[Problem]:
    """Grow every planned claim; one that is gone by now will be made large enough."""
    for grown in item.claims:
        try:
            grown.applied = patch(client, grown)
        except ApiError as error:
            if classify(error) is Answer.NOT_FOUND:
                continue
            return [item.problem("%s could not grow: %s" % (grown.id, error.message), "spec.volumeClaimTemplates")]
    return []


def look(client: EngineClient, items: Sequence[Item]) -> List[str]:
    """What is still to come of the growth, one sentence for each claim; the set itself doesn't wait for it."""
    said = []
    for grown in [one for item in items for one in item.claims]:
        live = _live.get(client, grown.path())
        text = _claims.progress(live) if live else ""
        if text:
            said.append("%s %s." % (grown.id, text))
    return said
