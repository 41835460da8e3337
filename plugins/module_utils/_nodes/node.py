# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Read and write one Node: every write insists on the version that was read, and is decided anew when it lost."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _live, _pages
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import name_of, text

NODES = "/api/v1/nodes"
TRIES = 10
EVENTS = "/api/v1/namespaces/default/events"
SOURCE = "openhands.gpu_observability"

Patch = Dict[str, Any]
"""A JSON merge patch."""


def get(client: EngineClient, name: str) -> Object:
    """One node. Raises RolloutError where there is none of that name, and ApiError."""
    found = _live.get(client, "%s/%s" % (NODES, name))
    if found is None:
        raise RolloutError(
            "The cluster has no node %s. Say by platform_node_name what the host is called there, or register it first."
            % name
        )
    return found


def every(client: EngineClient, selector: str = "") -> List[Object]:
    """All nodes, or those that a label selector takes."""
    return list(_pages.objects(client, NODES, {"labelSelector": selector} if selector else None))


def change(client: EngineClient, name: str, decide: Callable[[Object], Optional[Patch]]) -> Object:
    """Patch a node as ``decide`` says of its present state; None leaves it alone. Returns the node. Raises ApiError."""
    for _try in range(TRIES):
        node = get(client, name)
        patch = decide(node)
        if patch is None:
            return node
        metadata = {**patch.get("metadata", {}), "resourceVersion": text(node, "metadata", "resourceVersion")}
        try:
            return client.send(
                "PATCH",
                "%s/%s" % (NODES, name),
                {**patch, "metadata": metadata},
                None,
                "application/merge-patch+json",
            )
        except ApiError as error:
            if classify(error) is not Answer.STALE:
                raise
    raise RolloutError("Node %s changes faster than it can be written to." % name)


def tell(client: EngineClient, node: Object, reason: str, message: str, kind: str = "Warning") -> None:
    """Leave an Event on a node. Raises ApiError."""
    now = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    # The kubelet and the node controller name a node by its name in place of its uid; kubectl describe asks for both.
    about: Mapping[str, str] = {"kind": "Node", "name": name_of(node), "uid": name_of(node)}
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "%s.%s" % (name_of(node), uuid.uuid4().hex[:16]), "namespace": "default"},
        "involvedObject": about,
        "reason": reason,
        "message": message[:1024],
        "type": kind,
        "source": {"component": SOURCE},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    client.send("POST", EVENTS, body)
