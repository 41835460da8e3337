# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The two ways to change an object: server-side apply, and a deletion of what was read and nothing else."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils._drift import FIELD_MANAGER
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Client, Object

_APPLY = "application/apply-patch+yaml"


def apply(
    client: Client, path: str, body: Object, *, force: bool = False, dry_run: bool = False, manager: str = FIELD_MANAGER
) -> Object:
    """Server-side apply. force: take fields over from their owners."""
    query: Dict[str, str] = {"fieldManager": manager, "force": "true" if force else "false"}
    if dry_run:
        query["dryRun"] = "All"
    return client.send("PATCH", path, body, query, _APPLY)


def delete(client: Client, path: str, preconditions: Mapping[str, Any], policy: str = "") -> None:
    """Delete the very object that was read. preconditions: its uid, or its resourceVersion too.

    policy: what becomes of what it owns (Foreground, Background, Orphan); the server's default where empty.
    """
    options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": dict(preconditions)}
    if policy:
        options["propagationPolicy"] = policy
    client.send("DELETE", path, options)
