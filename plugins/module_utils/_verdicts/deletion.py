# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What an object that is being deleted waits for."""

from __future__ import annotations

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Status, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    condensed,
    conditions,
    dig,
    kind_of,
)

FINALIZERS = {
    "foregroundDeletion": "what it owns goes first",
    "kubernetes.io/pvc-protection": "a pod still uses it",
    "kubernetes.io/pv-protection": "a claim is still bound to it",
    "customresourcecleanup.apiextensions.k8s.io": "its custom resources go first",
    "service.kubernetes.io/load-balancer-cleanup": "its load balancer goes first",
    "batch.kubernetes.io/job-tracking": "the job controller still counts it",
}
"""Finalizers of Kubernetes itself, in words; any other needs its own controller."""


def terminating(obj: Object) -> Verdict:
    """Name what holds the deletion."""
    if kind_of(obj) == ("", "Namespace"):
        return Verdict(Status.TERMINATING, condensed("being deleted: " + _content(obj)))
    finalizers = dig(obj, "metadata", "finalizers")
    if not isinstance(finalizers, list) or not finalizers:
        return Verdict(Status.TERMINATING, "being deleted")
    held = ["%s (%s)" % (name, FINALIZERS.get(str(name), "its controller must act")) for name in finalizers]
    return Verdict(Status.TERMINATING, "being deleted, held by finalizer %s" % ", ".join(held))


def _content(obj: Object) -> str:
    held = [
        condition.message
        for name, condition in conditions(obj).items()
        if condition.true and name.startswith("Namespace") and condition.message
    ]
    return " ".join(held) or "its content goes first"
