# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether the Secrets that a role's settings name are there, with their keys. Values are never looked at."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _live, _login_client
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._connection_errors import explain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object

_CREATE = "kubectl --namespace %s create secret generic %s --from-file=%s=FILE"


def run(
    options: Mapping[str, Any], environ: Optional[Mapping[str, str]] = None, client: Optional[EngineClient] = None
) -> Dict[str, Any]:
    """Look once. Raises RolloutError that names each Secret or key that is missing, and the variable that names it."""
    asked, endpoint = _login_client.opened(options, environ, client)
    try:
        missing, pending, unread = _look(asked, options.get("secrets") or [])
    except ApiError as error:
        raise explain(error, endpoint) from error
    result = {"changed": False, "missing": missing, "pending": pending, "unread": unread}
    if missing:
        raise RolloutError("\n".join(missing), result)
    return result


def _look(client: EngineClient, wanted: List[Mapping[str, Any]]) -> Tuple[List[str], List[str], List[str]]:
    missing: List[str] = []
    pending: List[str] = []
    unread: List[str] = []
    for entry in wanted:
        namespace, name, key = str(entry["namespace"]), str(entry["name"]), str(entry.get("key") or "")
        head = "%s names the Secret %s/%s" % (entry["variable"], namespace, name)
        how = _CREATE % (namespace, name, key or "KEY")
        try:
            body = _live.get(client, "/api/v1/namespaces/%s/secrets/%s" % (namespace, name))
            if body is None and _live.get(client, "/api/v1/namespaces/" + namespace) is None:
                pending.append("%s: the namespace isn't there yet. Create both before the rollout: %s" % (head, how))
                continue
        except ApiError as error:
            if classify(error) is not Answer.FORBIDDEN:
                raise
            unread.append("%s, which this login may not read" % head)
            continue
        if body is None:
            missing.append("%s, which doesn't exist. Create it: %s" % (head, how))
        elif key and key not in _keys(body):
            have = ", ".join(_keys(body)) or "no key at all"
            missing.append("%s, which has no key %s (it has: %s)" % (head, key, have))
    return missing, pending, unread


def _keys(body: Object) -> List[str]:
    return sorted(body.get("data") or {})
