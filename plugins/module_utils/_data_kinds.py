# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What can't be deleted without losing data."""

from __future__ import annotations

from typing import FrozenSet, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, ObjectId

DATA_KINDS: FrozenSet[Tuple[str, str]] = frozenset(
    {
        ("", "PersistentVolumeClaim"),
        ("", "PersistentVolume"),
        ("", "Namespace"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("snapshot.storage.k8s.io", "VolumeSnapshot"),
        ("snapshot.storage.k8s.io", "VolumeSnapshotContent"),
        ("ceph.rook.io", "CephCluster"),
        ("ceph.rook.io", "CephBlockPool"),
        ("ceph.rook.io", "CephBlockPoolRadosNamespace"),
        ("ceph.rook.io", "CephFilesystem"),
        ("ceph.rook.io", "CephFilesystemSubVolumeGroup"),
        ("ceph.rook.io", "CephObjectStore"),
        ("objectbucket.io", "ObjectBucketClaim"),
        ("objectbucket.io", "ObjectBucket"),
    }
)
"""(API group, kind): deleting one deletes data, its own or that of everything inside it."""


def why(identity: ObjectId, live: Optional[Object] = None) -> str:
    """Why deleting this object deletes data; empty where it doesn't.

    A StatefulSet, and what an operator turns into one, takes its claims along when it was told to.
    """
    if (identity.group, identity.kind) in DATA_KINDS:
        return "deleting a %s deletes data" % identity.kind
    spec = (live or {}).get("spec")
    policy = spec.get("persistentVolumeClaimRetentionPolicy") if isinstance(spec, dict) else None
    if isinstance(policy, dict) and policy.get("whenDeleted") == "Delete":
        return "its claims would go with it (persistentVolumeClaimRetentionPolicy.whenDeleted is Delete)"
    return ""
