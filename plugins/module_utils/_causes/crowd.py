# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Many pods of one object: which are read at all, and which are worth the calls of a closer look."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Set

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import Code
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.look import Look
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.pods import from_status
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    items,
    kind_of,
    mapping,
    text,
)

CLOSER = 5
"""Pods of one sort that are looked at closer: each costs calls, and what holds one up mostly holds all of them up."""

WARNINGS = "500"
"""Warnings read of a crowd's namespace: they only say whom to ask."""

_SELECTING = frozenset(
    [("apps", kind) for kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")] + [("batch", "Job")]
)
"""Kinds whose spec.selector is about their own pods."""


def selector(owner: Object) -> str:
    """The label selector by which a workload finds its pods; empty for kinds where it means another thing."""
    if kind_of(owner) not in _SELECTING:
        return ""
    labels = mapping(owner, "spec", "selector", "matchLabels")
    expressions = [_expression(entry) for entry in items(owner, "spec", "selector", "matchExpressions")]
    return ",".join(["%s=%s" % pair for pair in sorted(labels.items())] + expressions)


def _expression(entry: Mapping[str, Any]) -> str:
    key, values = text(entry, "key"), ",".join(str(value) for value in entry.get("values") or ())
    forms = {"In": "%s in (%s)", "NotIn": "%s notin (%s)"}
    operator = text(entry, "operator")
    if operator in forms:
        return forms[operator] % (key, values)
    return ("!%s" if operator == "DoesNotExist" else "%s") % key


def telling(look: Look, pods: Sequence[Object]) -> List[Object]:
    """Of many pods the few that can tell something new: one for each thing a status says, and some that were warned of.

    The order of the pods is kept, so that the first of equals stays the first.
    """
    if len(pods) <= CLOSER:
        return list(pods)
    first: Dict[Code, int] = {}
    silent: List[int] = []
    for index, pod in enumerate(pods):
        cause = from_status(pod)
        if cause is None:
            silent.append(index)
        else:
            first.setdefault(cause.code, index)
    chosen = list(first.values())
    if silent:
        warned = _warned(look, text(pods[0], "metadata", "namespace"))
        loud = [index for index in silent if text(pods[index], "metadata", "uid") in warned]
        chosen += loud[:CLOSER] or silent[:1]
    return [pods[index] for index in sorted(chosen)]


def _warned(look: Look, namespace: str) -> Set[str]:
    query = {"fieldSelector": "involvedObject.kind=Pod,type=Warning", "limit": WARNINGS}
    return {text(event, "involvedObject", "uid") for event in look.list("Event", namespace, **query)}
