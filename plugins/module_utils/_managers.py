# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Who writes fields: which field managers are people at a keyboard, and which of those wrote whole objects."""

from __future__ import annotations

import re
from typing import Any, FrozenSet, Mapping, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._drift import FIELD_MANAGER
from ansible_collections.openhands.gpu_observability.plugins.module_utils._transform import MANAGED_BY

PEOPLE: Tuple[re.Pattern[str], ...] = (
    re.compile(r"^kubectl(-.*)?$"),
    re.compile(r"^k9s$"),
    re.compile(r"^rancher$"),
)
"""Managers behind which sits a person, whose edit a declared state may undo. kubectl writes as kubectl-edit,
kubectl-patch, kubectl-client-side-apply and so on, and as plain kubectl when it applies server-side or scales."""

WHOLE: FrozenSet[Tuple[str, str]] = frozenset(
    {
        ("kubectl-client-side-apply", "Update"),
        ("kubectl-create", "Update"),
        ("kubectl-replace", "Update"),
        ("kubectl", "Apply"),
    }
)
"""(manager, operation) by which a person wrote a whole object from a file. What that file had and ours hasn't goes."""

UNKNOWN = "before-first-apply"
"""The name that a server gives to owners it has lost track of, when an object without managedFields is applied."""

KEPT = FIELD_MANAGER + "-kept"
"""Holds what others had set in an object of ours that was deleted and created again."""


def is_person(manager: str) -> bool:
    """Whether a manager is somebody at a keyboard."""
    return any(pattern.match(manager) for pattern in PEOPLE)


def may_overrule(manager: str, live: Mapping[str, Any]) -> bool:
    """Whether a manager's fields may be taken without asking."""
    if manager == UNKNOWN:
        labels = (live.get("metadata") or {}).get("labels") or {}
        return bool(labels.get("app.kubernetes.io/managed-by") == MANAGED_BY)
    return manager == KEPT or is_person(manager)
