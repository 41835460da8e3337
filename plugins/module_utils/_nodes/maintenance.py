# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Take a node out of service and give it back: each state may be asked for again after any interruption."""

from __future__ import annotations

import datetime as dt
from typing import Any, Callable, Dict, Mapping, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _login_client
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._connection_errors import explain
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import lease, node, out
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes.job import (
    Job,
    Result,
    choice_of,
    lease_of,
    limits_of,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes.leaving import drained, inspected
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes.returning import (
    failed,
    released,
    returned,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError


def run(
    options: Mapping[str, Any],
    check: bool = False,
    *,
    environ: Optional[Mapping[str, str]] = None,
    client: Optional[EngineClient] = None,
    clock: Optional[Clock] = None,
    wall: Optional[Callable[[], dt.datetime]] = None,
) -> Result:
    """Bring a node to a state. Raises RolloutError that says what stands in the way and what is as it was."""
    asked, endpoint = _login_client.opened(options, environ, client)
    choice, limits = choice_of(options.get("drain") or {}), limits_of(options)
    job = Job(asked, options, check, clock or Clock(), wall or _now, choice, limits)
    try:
        return STATES[str(options["state"])](job)
    except ApiError as error:
        raise explain(error, endpoint) from error


def _now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)


def ended(job: Job) -> Result:
    """Let the next run begin, and say what is still out of service."""
    changed = not job.check and lease.give_back(lease_of(job))
    told = {"node": job.name, "state": "ended", "cordoned_by_us": False, "evicted": [], "busy": ""}
    return {"changed": changed, **told, "out": out.of(node.every(job.client))}


STATES: Dict[str, Callable[[Job], Result]] = {
    "inspected": inspected,
    "drained": drained,
    "returned": returned,
    "released": released,
    "failed": failed,
    "ended": ended,
}
