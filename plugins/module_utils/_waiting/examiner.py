# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A thread that looks closer, so that a slow answer never holds the wait up."""

from __future__ import annotations

import queue
import threading
from typing import Callable, Dict, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.look import Look
from ansible_collections.openhands.gpu_observability.plugins.module_utils._explain import diagnose
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Client, Object, ObjectId
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import RULES
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    items,
    kind_of,
    mapping,
    text,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts.prometheus_operator import MAIN
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.news import Insight, Target

Questions = Mapping[ObjectId, Object]


def examine(look: Look, target: Target, obj: Object) -> Insight:
    """Look at one object's children, and for its cause."""
    reports_status = None
    if kind_of(obj) not in RULES and not mapping(obj, "status"):
        reports_status = has_status(look, target)
    return Insight(diagnose(look, obj), children_of(look, obj), reports_status)


def children_of(look: Look, obj: Object) -> Sequence[Object]:
    """What the kind's rule wants to see beside the object."""
    find = CHILDREN.get(kind_of(obj))
    return find(look, obj) if find else ()


def _of_claim(look: Look, obj: Object) -> Sequence[Object]:
    if text(obj, "status", "phase") == "Bound":
        return ()
    return look.list("StorageClass") + look.list("Pod", text(obj, "metadata", "namespace"))


def _of_bucket_claim(look: Look, obj: Object) -> Sequence[Object]:
    """The ConfigMap and the Secret have the claim's name."""
    where, name = text(obj, "metadata", "namespace"), text(obj, "metadata", "name")
    found = [look.one(kind, where, name) for kind in ("ConfigMap", "Secret")]
    return [one for one in found if one]


def _gateways(look: Look, obj: Object) -> Sequence[Object]:
    return look.owned("Deployment", obj)


def _workloads(look: Look, obj: Object) -> Sequence[Object]:
    return [*look.owned("StatefulSet", obj), *look.owned("DaemonSet", obj)]


CHILDREN: Dict[Tuple[str, str], Callable[[Look, Object], Sequence[Object]]] = {
    ("", "PersistentVolumeClaim"): _of_claim,
    ("ceph.rook.io", "CephObjectStore"): _gateways,
    ("objectbucket.io", "ObjectBucketClaim"): _of_bucket_claim,
    **{("monitoring.coreos.com", kind): _workloads for kind in MAIN},
}
"""Kinds whose rule looks at more than the object itself."""


def has_status(look: Look, target: Target) -> Optional[bool]:
    """Whether a custom kind has a status, by its definition; None where that can't be read."""
    definition = look.one("CustomResourceDefinition", "", "%s.%s" % (target.resource.plural, target.resource.group))
    for version in items(definition, "spec", "versions"):
        if text(version, "name") == target.resource.version:
            return "status" in mapping(version, "subresources")
    return None


class ThreadedExaminer:
    """Examines in one daemon thread, a round at a time."""

    def __init__(self, client: Client, targets: Sequence[Target], secrets: Sequence[str] = ()) -> None:
        self._client = client
        self._secrets = secrets
        self._targets = {target.id: target for target in targets}
        self._rounds: queue.SimpleQueue[Optional[Questions]] = queue.SimpleQueue()
        self._found: queue.SimpleQueue[tuple[ObjectId, Insight]] = queue.SimpleQueue()
        self._idle = threading.Event()
        self._idle.set()
        self._thread: Optional[threading.Thread] = None
        self._stopped = False

    @property
    def busy(self) -> bool:
        """Whether a round is under way; once it isn't, all its answers are there."""
        return not self._idle.is_set()

    def ask(self, objects: Questions) -> bool:
        """Begin a round; False while one is still under way."""
        if self.busy:
            return False
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="examine", daemon=True)
            self._thread.start()
        self._idle.clear()
        self._rounds.put(dict(objects))
        return True

    def answers(self) -> Dict[ObjectId, Insight]:
        """What was found since the last call."""
        found: Dict[ObjectId, Insight] = {}
        while not self._found.empty():
            target, insight = self._found.get()
            found[target] = insight
        return found

    def stop(self) -> None:
        """End after the request under way; a hung one is left behind with its daemon thread."""
        self._stopped = True
        self._rounds.put(None)
        if self._thread is not None:
            self._thread.join(timeout=0.1)

    def _run(self) -> None:
        while True:
            objects = self._rounds.get()
            if objects is None:
                return
            look = Look(self._client, self._secrets)
            for target, obj in objects.items():
                if self._stopped:
                    return
                self._found.put((target, self._examined(look, target, obj)))
            self._idle.set()

    def _examined(self, look: Look, target: ObjectId, obj: Object) -> Insight:
        try:
            return examine(look, self._targets[target], obj)
        except Exception:  # noqa: BLE001 - an explanation is a courtesy: without it the verdict stands
            return Insight()
