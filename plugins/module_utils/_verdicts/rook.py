# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The kinds of Rook, and the bucket claims that it serves.

Fields as in rook/rook v1.20.6, pkg/apis/ceph.rook.io/v1/types.go. Two answers of it are not believed alone: a
CephCluster says Ready without a single OSD, and a CephObjectStore says Ready while its only gateway isn't (both were
seen on a real cluster).
"""

from __future__ import annotations

from typing import Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Status, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts import workloads
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    Table,
    condensed,
    current,
    dig,
    failed,
    in_progress,
    mapping,
    name_of,
    number,
    of_kind,
    plural,
    text,
)

GROUP, BUCKETS = "ceph.rook.io", "objectbucket.io"
UNSEEN = "the operator has not looked at it yet"
READY, EXTERNAL = "Ready", "Connected"
_FAILURE = "Failure"


def cluster(obj: Object, children: Sequence[Object]) -> Verdict:
    """Ready with OSDs, and HEALTH_OK or a warning that is passed on."""
    phase, state = text(obj, "status", "phase"), text(obj, "status", "state")
    message = condensed(text(obj, "status", "message"))
    if state == "Error" or phase == _FAILURE:
        return failed("phase %s: %s" % (phase or state, message or "no message"))
    if not phase:
        return in_progress(UNSEEN)
    external = dig(obj, "spec", "external", "enable") is True
    if phase != (EXTERNAL if external else READY):
        return in_progress("phase %s%s" % (phase, ": " + message if message else ""))
    if not external and not _osds(obj):
        return in_progress("phase Ready, but no OSD is running: no device was taken, or its prepare job failed")
    return _health(obj)


def _osds(obj: Object) -> int:
    """OSDs that report a version; where an older operator reports none, those whose store is known."""
    for path in (("ceph", "versions", "osd"), ("storage", "osd", "storeType")):
        found = mapping(obj, "status", *path)
        count = sum(value for value in found.values() if isinstance(value, int))
        if count:
            return count
    return 0


def _health(obj: Object) -> Verdict:
    health = text(obj, "status", "ceph", "health")
    details = mapping(obj, "status", "ceph", "details")
    said = "; ".join("%s: %s" % (name, condensed(text(details, name, "message"))) for name in sorted(details))
    if not health:
        return in_progress("its health has not been read yet")
    if health == "HEALTH_ERR":
        return failed("HEALTH_ERR%s" % (": " + said if said else ""))
    return current() if health == "HEALTH_OK" else current("%s%s" % (health, ": " + said if said else ""))


def by_phase(obj: Object, children: Sequence[Object]) -> Verdict:
    """A pool, file system, user or the like: its phase."""
    phase = text(obj, "status", "phase")
    if phase in (READY, EXTERNAL):
        return current()
    message = condensed(text(obj, "status", "message"))
    said = "phase %s%s" % (phase, ": " + message if message else "")
    if phase.endswith(_FAILURE) or phase == "ReconcileFailed":
        return failed(said)
    return in_progress(said if phase else UNSEEN)


def store(obj: Object, children: Sequence[Object]) -> Verdict:
    """Ready, with all its gateways (children: Deployments that it owns)."""
    verdict = by_phase(obj, children)
    if verdict.status is not Status.CURRENT or dig(obj, "spec", "gateway", "externalRgwEndpoints"):
        return verdict
    gateways = of_kind(children, "Deployment")
    if not gateways:
        return in_progress("phase %s, but no gateway of it was seen" % text(obj, "status", "phase"))
    for gateway in gateways:
        found = workloads.RULES[("apps", "Deployment")](gateway, ())
        if found.status is not Status.CURRENT:
            return Verdict(found.status, "gateway %s: %s" % (name_of(gateway), found.reason), found.terminal)
    wanted = number(obj, "spec", "gateway", "instances", default=1)
    running = sum(number(gateway, "status", "availableReplicas") for gateway in gateways)
    if running < wanted:
        return in_progress("%d of %s available" % (running, plural(wanted, "gateway")))
    return current()


def bucket_claim(obj: Object, children: Sequence[Object]) -> Verdict:
    """Bound, with the ConfigMap and the Secret that pods need (children: both)."""
    phase = text(obj, "status", "phase")
    if phase == "Failed":
        return failed("phase Failed")
    if phase != "Bound":
        said = "phase %s" % phase if phase else "nobody has looked at it yet"
        return in_progress("%s: does its StorageClass name a provisioner that runs?" % said)
    missing = [kind for kind in ("ConfigMap", "Secret") if not of_kind(children, kind)]
    return in_progress("bound, but its %s was not seen" % " and ".join(missing)) if missing else current()


RULES: Table = {
    (GROUP, "CephCluster"): cluster,
    (GROUP, "CephObjectStore"): store,
    (BUCKETS, "ObjectBucketClaim"): bucket_claim,
}
RULES.update(
    {
        (GROUP, kind): by_phase
        for kind in (
            "CephBlockPool",
            "CephBlockPoolRadosNamespace",
            "CephFilesystem",
            "CephFilesystemSubVolumeGroup",
            "CephClient",
            "CephNFS",
            "CephObjectStoreUser",
            "CephObjectRealm",
            "CephObjectZoneGroup",
            "CephObjectZone",
        )
    }
)
