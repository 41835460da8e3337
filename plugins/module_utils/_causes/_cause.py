# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a cause is, and how long each may last before waiting on is pointless."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Dict, Iterable, Optional


class Code(str, Enum):
    """What went wrong with a child."""

    IMAGE_INVALID = "image_invalid"
    IMAGE_NEVER = "image_never"
    IMAGE_PLATFORM = "image_platform"
    IMAGE_MISSING = "image_missing"
    IMAGE_DENIED = "image_denied"
    IMAGE_UNREACHABLE = "image_unreachable"
    REFERENCE_MISSING = "reference_missing"
    CONTAINER_CONFIG = "container_config"
    CONTAINER_START = "container_start"
    CRASH_LOOP = "crash_loop"
    CRASHED = "crashed"
    NOT_READY = "not_ready"
    POD_FAILED = "pod_failed"
    POD_SECURITY = "pod_security"
    QUOTA = "quota"
    LIMIT_RANGE = "limit_range"
    SERVICE_ACCOUNT = "service_account"
    PRIORITY_CLASS = "priority_class"
    WEBHOOK_DENIED = "webhook_denied"
    WEBHOOK_DOWN = "webhook_down"
    CREATE_REFUSED = "create_refused"
    UNSCHEDULABLE = "unschedulable"
    CLAIM_MISSING = "claim_missing"
    CLAIM_LOST = "claim_lost"
    CLAIM_WAITS = "claim_waits"
    CLASS_MISSING = "class_missing"
    CLASS_DEFAULT = "class_default"
    PROVISIONING = "provisioning"
    MOUNT = "mount"
    SANDBOX = "sandbox"
    OLD_POD = "old_pod"
    OPERATOR = "operator"
    EVENT = "event"


PATIENCE: Dict[Code, Optional[float]] = {
    # Nothing but a new manifest helps.
    Code.IMAGE_INVALID: 0,
    Code.IMAGE_NEVER: 0,
    Code.IMAGE_PLATFORM: 0,
    Code.CONTAINER_CONFIG: 0,
    Code.CLAIM_LOST: 0,
    # A registry or a namespace label may be a moment behind.
    Code.POD_SECURITY: 5,
    Code.IMAGE_MISSING: 10,
    Code.IMAGE_DENIED: 15,
    # A controller may be about to make what is missing.
    Code.LIMIT_RANGE: 10,
    Code.WEBHOOK_DENIED: 10,
    Code.CLASS_MISSING: 10,
    Code.CLASS_DEFAULT: 10,
    Code.REFERENCE_MISSING: 15,
    Code.SERVICE_ACCOUNT: 15,
    Code.PRIORITY_CLASS: 15,
    # A rolling update may free quota by removing old pods.
    Code.QUOTA: 20,
    Code.CREATE_REFUSED: 20,
    # And RESTARTS: what it needs may be starting beside it.
    Code.CRASH_LOOP: 20,
    Code.CLAIM_MISSING: 30,
    Code.CONTAINER_START: 30,
    # Networks, webhooks and provisioners come back.
    Code.IMAGE_UNREACHABLE: 30,
    Code.WEBHOOK_DOWN: 60,
    Code.PROVISIONING: 60,
    Code.SANDBOX: 60,
    # Seen on 1.36: with OrderedReady the controller never replaces it, with Parallel it does within seconds.
    Code.OLD_POD: 30,
    Code.MOUNT: 120,
    # An autoscaler needs minutes for a node.
    Code.UNSCHEDULABLE: 180,
    # Told, and left to the timeout.
    Code.CRASHED: None,
    Code.NOT_READY: None,
    Code.POD_FAILED: None,
    Code.CLAIM_WAITS: None,
    Code.OPERATOR: None,
    Code.EVENT: None,
}
"""Seconds a cause may last before the wait is given up; None: as long as the timeout allows."""

RESTARTS = 3
"""Crashes after which a crash loop is final, if the last one was seen to happen."""


@dataclass(frozen=True)
class LogWish:
    """Whose last log line would make the cause clearer."""

    container: str
    previous: bool


@dataclass(frozen=True)
class Cause:
    """Why an object is stuck, in words a person can act on.

    count: restarts seen, for crash loops. said: a container's own last words, which may hold a secret.
    """

    code: Code
    text: str
    count: int = 0
    said: str = ""
    log: Optional[LogWish] = None


def weightiest(causes: Iterable[Cause]) -> Optional[Cause]:
    """The cause that ends the wait soonest; the first of equals."""

    def weight(cause: Cause) -> float:
        patience = PATIENCE[cause.code]
        return float("inf") if patience is None else patience

    return min(causes, key=weight, default=None)
