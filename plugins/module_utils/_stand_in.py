# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Objects of namespaces that don't exist yet, dry-run in one that does.

A dry run into a missing namespace answers 404 and hides every other fault. What hangs on the namespace itself (quotas,
limits, pod security, accounts) isn't seen this way.
"""

from __future__ import annotations

import hashlib
from typing import Any, Dict, List

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _dry_run, _live, _writes
from ansible_collections.openhands.gpu_observability.plugins.module_utils._answers import NO_VERDICT, Answer, classify
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object

NAMESPACE = "default"
"""A namespace that every cluster has."""
_SERVER_OWNED = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp")


def check(client: EngineClient, item: Item) -> List[Problem]:
    """Dry-run one item elsewhere; fill in what it would become. Only plain faults of input count."""
    if item.resource is None:
        return []
    name = item.id.name
    if _live.get(client, item.resource.path(NAMESPACE, name)) is not None:
        # A namesake's immutable fields aren't this object's affair.
        name = "%s-%s" % (name[:40].rstrip(".-"), hashlib.sha256(name.encode("utf-8")).hexdigest()[:10])
    metadata = {**item.manifest.body["metadata"], "namespace": NAMESPACE, "name": name}
    body = {**item.manifest.body, "metadata": metadata}
    try:
        answer = _writes.apply(client, item.resource.path(NAMESPACE, name), body, force=True, dry_run=True)
    except ApiError as error:
        kind = classify(error)
        if kind in NO_VERDICT:
            raise
        return _dry_run.refusals(item, error) if kind is Answer.INVALID else []
    item.planned = _at_home(answer, item)
    return []


def _at_home(answer: Object, item: Item) -> Object:
    """The answer as it will be in its own place."""
    metadata: Dict[str, Any] = {
        key: value for key, value in (answer.get("metadata") or {}).items() if key not in _SERVER_OWNED
    }
    metadata.update(name=item.id.name, namespace=item.id.namespace)
    return {**answer, "metadata": metadata}
