# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which pods leave a node, which stay, and which keep it busy. Pure.

A pod is a GPU pod if it asks for nvidia.com/gpu*, nvidia.com/mig-* or holds a resource claim (as NVIDIA/gpu-operator
cmd/gpu-operator has it, where claims of other drivers are told apart; here any claim counts, as only its driver knows
what it holds).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Mapping, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    dig,
    is_true,
    items,
    mapping,
    name_of,
    number,
    text,
)

GPU_RESOURCES = ("nvidia.com/gpu", "nvidia.com/mig-")
MIRROR = "kubernetes.io/config.mirror"


@dataclass(frozen=True)
class Choice:
    """What the caller wants. scope: ``gpu`` or ``all``. wait_for: annotation of pods that are waited for."""

    scope: str = "all"
    wait_for: str = "gpu-observability.openhands.dev/wait-for-completion"
    delete_empty_dir: bool = False
    delete_unmanaged: bool = False


@dataclass(frozen=True)
class Sorted:
    """A node's pods by what becomes of them. GPU pods come first among those that leave."""

    leaving: Tuple[Object, ...] = ()
    waited_for: Tuple[Object, ...] = ()
    refused: Tuple[Tuple[Object, str], ...] = ()


def identity(pod: Object) -> str:
    """Namespace and name."""
    return "%s/%s" % (text(pod, "metadata", "namespace"), name_of(pod))


def holds_gpu(pod: Object) -> bool:
    """Whether a pod was given a GPU, or part of one."""
    if items(pod, "spec", "resourceClaims"):
        return True
    containers = items(pod, "spec", "containers") + items(pod, "spec", "initContainers")
    asked = [mapping(one, "resources", part) for one in containers for part in ("requests", "limits")]
    return any(key.startswith(GPU_RESOURCES) and str(count) != "0" for one in asked for key, count in one.items())


def owner_kind(pod: Object) -> str:
    """Kind of the controller that makes it anew; empty where nobody does."""
    for reference in items(pod, "metadata", "ownerReferences"):
        if reference.get("controller") is True:
            return text(reference, "kind")
    return ""


def _finished(pod: Object) -> bool:
    return text(pod, "status", "phase") in ("Succeeded", "Failed")


def going(pod: Object) -> bool:
    """Whether it was let go already, and only ends."""
    return bool(text(pod, "metadata", "deletionTimestamp"))


def _mirror(pod: Object) -> bool:
    return MIRROR in mapping(pod, "metadata", "annotations") or owner_kind(pod) == "Node"


def _of_daemon_set(pod: Object) -> bool:
    return owner_kind(pod) == "DaemonSet"


STAYS: Tuple[Callable[[Object], bool], ...] = (_finished, _mirror, _of_daemon_set)
"""Pods that a drain leaves alone: done, the kubelet's own, or back the moment they are gone."""


def sort(pods: Sequence[Object], choice: Choice) -> Sorted:
    """Say of each pod of a node what becomes of it."""
    concerned = [pod for pod in pods if not any(stays(pod) for stays in STAYS)]
    if choice.scope == "gpu":
        concerned = [pod for pod in concerned if holds_gpu(pod)]
    waited = [pod for pod in concerned if _asks_to_wait(pod, choice)]
    refused = [(pod, why) for pod in concerned for why in [_obstacle(pod, choice)] if why]
    return Sorted(tuple(sorted(concerned, key=_rank)), tuple(waited), tuple(refused))


def _rank(pod: Object) -> Tuple[bool, str]:
    return not holds_gpu(pod), identity(pod)


def _asks_to_wait(pod: Object, choice: Choice) -> bool:
    """Whether it is to be left to its end. Only a clear no is one: a misspelt yes would cost somebody's work."""
    if not choice.wait_for or going(pod):
        return False
    return str(mapping(pod, "metadata", "annotations").get(choice.wait_for, "")).lower() not in ("", "false")


def _obstacle(pod: Object, choice: Choice) -> str:
    """Why a pod can't be evicted without losing something nobody gave up."""
    if going(pod):
        return ""
    if not owner_kind(pod) and not choice.delete_unmanaged:
        return "nobody would make it anew (delete_unmanaged)"
    if not choice.delete_empty_dir and any("emptyDir" in volume for volume in items(pod, "spec", "volumes")):
        return "its emptyDir would be lost (delete_empty_dir)"
    return ""


def guarded(pod: Object, budgets: Sequence[Object]) -> List[Object]:
    """The disruption budgets that speak for a pod."""
    labels, namespace = mapping(pod, "metadata", "labels"), text(pod, "metadata", "namespace")
    near = [one for one in budgets if text(one, "metadata", "namespace") == namespace]
    return [one for one in near if _selects(mapping(one, "spec", "selector"), labels)]


def blocking(pods: Sequence[Object], budgets: Sequence[Object]) -> List[str]:
    """Budgets that keep pods now, one line each; by what the eviction API admits.

    Source: kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go.
    """
    found = []
    for pod in pods:
        if going(pod) or text(pod, "status", "phase") == "Pending":
            continue
        near = guarded(pod, budgets)
        if len(near) > 1:
            words = "pod %s is in the PodDisruptionBudgets %s: the API evicts no pod with more than one"
            found.append(words % (identity(pod), ", ".join(sorted(map(identity, near)))))
        elif near and not _admits(near[0], pod):
            found.append("PodDisruptionBudget %s keeps pod %s" % (identity(near[0]), identity(pod)))
    return found


def _admits(budget: Object, pod: Object) -> bool:
    """Whether a budget lets a pod go. One that isn't ready takes nothing from those that are."""
    if dig(budget, "status", "disruptionsAllowed"):
        return True
    if is_true(pod, "Ready"):
        return False
    healthy, desired = number(budget, "status", "currentHealthy"), number(budget, "status", "desiredHealthy")
    return text(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow" or 0 < desired <= healthy


def _selects(selector: Mapping[str, object], labels: Mapping[str, object]) -> bool:
    """Whether a label selector matches; an empty one matches every pod, as policy/v1 says."""
    if any(labels.get(key) != value for key, value in mapping(selector, "matchLabels").items()):
        return False
    return all(_meets(one, labels) for one in items(selector, "matchExpressions"))


def _meets(expression: Mapping[str, object], labels: Mapping[str, object]) -> bool:
    value, operator = labels.get(str(expression.get("key"))), expression.get("operator")
    values = expression.get("values")
    among = isinstance(values, list) and value in values
    answers = {"In": among, "NotIn": not among, "Exists": value is not None, "DoesNotExist": value is None}
    return answers.get(str(operator), False)
