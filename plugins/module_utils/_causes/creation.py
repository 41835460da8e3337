# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Why a controller may not create its pods."""

from __future__ import annotations

import re
from typing import Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import Cause, Code
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import condensed

CLASSES: Tuple[Tuple[Code, str], ...] = (
    (Code.QUOTA, r"exceeded quota: |failed quota: "),
    (Code.POD_SECURITY, r"violates PodSecurity "),
    (Code.SERVICE_ACCOUNT, r"error looking up service account |serviceaccount \"[^\"]+\" not found"),
    (Code.PRIORITY_CLASS, r"no PriorityClass with name "),
    (Code.LIMIT_RANGE, r"(maximum|minimum) \S+ (usage|limit to request ratio) per "),
    (Code.WEBHOOK_DENIED, r"admission webhook \"[^\"]+\" denied|ValidatingAdmissionPolicy .* denied"),
    (Code.WEBHOOK_DOWN, r"failed calling webhook "),
)

PREFIX = re.compile(
    r"^(\(combined from similar events\): )?(error creating: |create \S+ \S+ in \S+ \S+ failed error: )?"
    r"((pods?|persistentvolumeclaims) \"[^\"]*\" is (forbidden|invalid): )?",
    re.IGNORECASE,
)


def creation_cause(message: str) -> Cause:
    """The cause behind a FailedCreate event or a ReplicaFailure condition."""
    code = next((code for code, pattern in CLASSES if re.search(pattern, message)), Code.CREATE_REFUSED)
    return Cause(code, "its pods are refused: %s" % condensed(PREFIX.sub("", message)))
