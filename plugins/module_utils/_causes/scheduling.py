# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Why no node takes a pod."""

from __future__ import annotations

import re

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import Cause, Code
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import condensed

NODES = re.compile(r"^0/(?P<count>\d+) nodes are available: (?P<why>.*)$", re.DOTALL)
CLAIM = re.compile(r"persistentvolumeclaim \"(?P<name>[^\"]+)\" not found")
CLASS = re.compile(r"storageclass(?:\.storage\.k8s\.io)? \"(?P<name>[^\"]+)\" not found")


def scheduling_cause(message: str) -> Cause:
    """The scheduler's message, shortened to what counts."""
    claim = CLAIM.search(message)
    if claim:
        return Cause(Code.CLAIM_MISSING, "PersistentVolumeClaim %s doesn't exist" % claim["name"])
    storage_class = CLASS.search(message)
    if storage_class:
        return Cause(Code.CLASS_MISSING, "StorageClass %s doesn't exist" % storage_class["name"])
    why = re.split(r"\.? ?(?:no new claims to deallocate|preemption:)", message, maxsplit=1)[0]
    found = NODES.match(why)
    if not found:
        return Cause(Code.UNSCHEDULABLE, "unschedulable: %s" % condensed(why))
    nodes = "there is no node" if found["count"] == "0" else "none of %s nodes fits" % found["count"]
    if found["count"] == "1":
        nodes = "the only node doesn't fit"
    return Cause(Code.UNSCHEDULABLE, "unschedulable, %s: %s" % (nodes, condensed(found["why"], limit=200)))
