# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Why an object is stuck: the first failing child's cause in one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes import crowd, operators
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes import pods as pod_causes
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import Cause, Code, weightiest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.claims import claim_cause
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.creation import creation_cause
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.look import LOG_BYTES, Look
from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes.masking import masked
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Client, Object, Status
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import RULES, assess
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts import static
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    condensed,
    conditions,
    items,
    kind_of,
    mapping,
    name_of,
    number,
    text,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts.workloads import OBSERVED

Search = Callable[[Look, Object], Optional[Cause]]

REVISION = "deployment.kubernetes.io/revision"
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def explain(client: Client, obj: Object, secrets: Sequence[str] = ()) -> Optional[str]:
    """Find the first failing child's cause; None where nothing is known. secrets: values never to be shown."""
    cause = diagnose(Look(client, secrets), obj)
    return cause.text if cause else None


def diagnose(look: Look, obj: Object) -> Optional[Cause]:
    """Find the cause that ends the wait soonest."""
    if kind_of(obj) in OBSERVED and number(obj, "status", "observedGeneration") < number(obj, "metadata", "generation"):
        # What there is belongs to the generation before.
        return None
    search = SEARCHES.get(kind_of(obj))
    if search:
        return search(look, obj)
    if RULES.get(kind_of(obj)) is static.exists:
        return None
    return _owner(look, obj)


def _pod(look: Look, obj: Object) -> Optional[Cause]:
    cause = pod_causes.from_status(obj)
    if cause and cause.code in (Code.UNSCHEDULABLE, Code.CLASS_MISSING, Code.CLAIM_MISSING):
        # The scheduler only says that claims are unbound, the claims say why.
        cause = _claims_of(look, obj) or cause
    if cause is None and not _pod_done(obj):
        cause = pod_causes.from_events(look.events(obj)) or pod_causes.not_ready(obj)
    if cause is None:
        return None
    own_words = _own_words(look, obj, cause) if cause.log or cause.said else ""
    probe = pod_causes.killed_by_probe(look.events(obj)) if cause.log else ""
    return replace(cause, text="pod %s: %s%s%s" % (name_of(obj), cause.text, probe, own_words))


def _own_words(look: Look, obj: Object, cause: Cause) -> str:
    """What the container itself said at its end, without secrets."""
    secrets = look.secrets_of(obj)
    if secrets is None:
        return "; its last words are not shown, since the Secrets it uses can't be read"
    line = look.last_line(obj, cause.log.container, cause.log.previous) if cause.log else ""
    log = "; last log line: %s" % condensed(masked(line, secrets)) if line else ""
    # A termination message may be the tail of the log.
    if not cause.said or cause.said in condensed(line, limit=LOG_BYTES):
        return log
    return ": %s%s" % (masked(cause.said, secrets), log)


def _pod_done(obj: Object) -> bool:
    return assess(obj).status in (Status.CURRENT, Status.TERMINATING)


def _claims_of(look: Look, obj: Object) -> Optional[Cause]:
    names = [text(volume, "persistentVolumeClaim", "claimName") for volume in items(obj, "spec", "volumes")]
    claims = {name_of(claim): claim for claim in look.list("PersistentVolumeClaim", text(obj, "metadata", "namespace"))}
    return weightiest(filter(None, (_claim(look, claims[name]) for name in names if name in claims)))


def _claim(look: Look, obj: Object) -> Optional[Cause]:
    if text(obj, "status", "phase") == "Bound":
        return None
    return claim_cause(obj, look.read("StorageClass"), look.list("PersistentVolume"), look.events(obj))


def _of_pods(look: Look, pods: Sequence[Object]) -> Optional[Cause]:
    waiting = [pod for pod in pods if not _pod_done(pod)]
    return weightiest(filter(None, (_pod(look, pod) for pod in crowd.telling(look, waiting))))


def _unfinished_pods(look: Look, obj: Object) -> List[Object]:
    """A workload's pods but for those that are well: of a thousand, these are few in the end."""
    return look.owned("Pod", obj, crowd.selector(obj), keep=lambda pod: not _pod_done(pod))


def _refused(look: Look, obj: Object) -> Optional[Cause]:
    """Whether the controller's last attempt to create something for the object was refused."""
    failure = conditions(obj).get("ReplicaFailure")
    if failure and failure.true:
        return creation_cause(failure.message)
    attempts = [event for event in look.events(obj) if text(event, "reason") in ("FailedCreate", "SuccessfulCreate")]
    if attempts and text(attempts[-1], "reason") == "FailedCreate":
        return creation_cause(text(attempts[-1], "message"))
    return None


def _replica_set(look: Look, obj: Object) -> Optional[Cause]:
    return _refused(look, obj) or _of_pods(look, _unfinished_pods(look, obj))


def _deployment(look: Look, obj: Object) -> Optional[Cause]:
    # A rollout that mends things must not be judged by the pods it replaces.
    newest = max(look.owned("ReplicaSet", obj, crowd.selector(obj)), key=_revision, default=None)
    if newest is None or _revision(newest) < _revision(obj):
        return None
    return _replica_set(look, newest)


def _revision(obj: Object) -> int:
    value = mapping(obj, "metadata", "annotations").get(REVISION)
    return int(value) if isinstance(value, str) and value.isdigit() else 0


def _stateful_set(look: Look, obj: Object) -> Optional[Cause]:
    pods, update = _unfinished_pods(look, obj), text(obj, "status", "updateRevision")
    new = [pod for pod in pods if _label(pod, "controller-revision-hash") in (update, "")]
    cause = _refused(look, obj) or _of_pods(look, new)
    if cause or text(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return cause
    # The controller replaces no pod while another is broken, not even if that one is the pod to replace.
    blocking = _of_pods(look, [pod for pod in pods if pod not in new])
    if blocking is None:
        return None
    words = "a pod of the former revision holds the update up, and must be deleted: "
    return replace(blocking, code=Code.OLD_POD, text=words + blocking.text)


def _daemon_set(look: Look, obj: Object) -> Optional[Cause]:
    template = mapping(obj, "metadata", "annotations").get(TEMPLATE_GENERATION, "")
    pods = _unfinished_pods(look, obj)
    new = [pod for pod in pods if not template or _label(pod, "pod-template-generation") in (template, "")]
    return _refused(look, obj) or _of_pods(look, new)


def _label(obj: Object, name: str) -> str:
    return text(obj, "metadata", "labels", name)


def _job(look: Look, obj: Object) -> Optional[Cause]:
    pods = _unfinished_pods(look, obj)
    failed = [pod for pod in pods if text(pod, "status", "phase") == "Failed"]
    running = [pod for pod in pods if pod not in failed]
    # The last pod that failed tells more than those that run.
    return _refused(look, obj) or _of_pods(look, running) or _of_pods(look, failed[-1:])


CHILDREN = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod", "PersistentVolumeClaim")


def _owner(look: Look, obj: Object) -> Optional[Cause]:
    """Any other kind: what it owns in its namespace, then its latest warning."""
    causes: List[Cause] = []
    for kind in CHILDREN if text(obj, "metadata", "namespace") else ():
        for child in look.owned(kind, obj):
            verdict = assess(child)
            if verdict.status is Status.CURRENT:
                continue
            cause = diagnose(look, child)
            if cause:
                causes.append(replace(cause, text="%s %s: %s" % (kind, name_of(child), cause.text)))
    return weightiest(causes) or _operator(look, obj) or _warning(look, obj)


def _operator(look: Look, obj: Object) -> Optional[Cause]:
    """Whether the program that should look after it is there at all."""
    product = operators.operator_of(obj)
    if product is None:
        return None
    everywhere = look.everywhere("Deployment", operators.known)
    if everywhere is None:
        return None
    found = [one for one in everywhere if operators.runs(product, one)]
    if not found:
        return operators.absent(product)
    idle = operators.idle(found)
    return operators.stopped(product, idle, diagnose(look, idle)) if idle is not None else None


def _warning(look: Look, obj: Object) -> Optional[Cause]:
    warnings = [event for event in look.events(obj) if text(event, "type") == "Warning"]
    if not warnings:
        return None
    last = warnings[-1]
    return Cause(Code.EVENT, "%s: %s" % (text(last, "reason"), condensed(text(last, "message"))), number(last, "count"))


SEARCHES: Dict[Tuple[str, str], Search] = {
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("apps", "ReplicaSet"): _replica_set,
    ("", "ReplicationController"): _replica_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
}
