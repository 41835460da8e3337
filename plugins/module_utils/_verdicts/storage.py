# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""PersistentVolumeClaim, PersistentVolume."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    Table,
    condensed,
    conditions,
    current,
    hopeless,
    in_progress,
    items,
    mapping,
    name_of,
    of_kind,
    text,
)

SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""The scheduler sets it on a claim once a pod that uses it is being placed."""


def claim(obj: Object, children: Sequence[Object]) -> Verdict:
    """Bound, or waiting for its first consumer as its class asks (children: StorageClass, Pods)."""
    phase = text(obj, "status", "phase")
    if phase == "Lost":
        return hopeless("its volume %s is gone, and the data with it" % text(obj, "spec", "volumeName"))
    if phase == "Bound":
        return _resized(obj)
    if not phase:
        return in_progress("the volume controller has not looked at it yet")
    class_name = text(obj, "spec", "storageClassName")
    if _binds_late(class_name, children) and not _consumed(obj, children):
        return current("waits for its first consumer, as StorageClass %s asks" % class_name)
    return in_progress("not bound to a volume yet")


def _binds_late(class_name: str, children: Sequence[Object]) -> bool:
    return any(
        name_of(child) == class_name and text(child, "volumeBindingMode") == "WaitForFirstConsumer"
        for child in of_kind(children, "StorageClass")
    )


def _consumed(obj: Object, children: Sequence[Object]) -> bool:
    if mapping(obj, "metadata", "annotations").get(SELECTED_NODE):
        return True
    return any(
        text(volume, "persistentVolumeClaim", "claimName") == name_of(obj)
        for pod in of_kind(children, "Pod")
        for volume in items(pod, "spec", "volumes")
    )


def _resized(obj: Object) -> Verdict:
    found = conditions(obj)
    for name in ("ControllerResizeError", "NodeResizeError"):
        condition = found.get(name)
        if condition and condition.true:
            return in_progress("resize: %s" % (condition.said or name))
    waiting = found.get("FileSystemResizePending")
    if waiting and waiting.true and text(obj, "spec", "volumeMode") != "Block":
        return current("the file system grows when a pod next mounts it")
    resizing = found.get("Resizing")
    if resizing and resizing.true:
        return in_progress("its volume is being resized")
    return current()


def volume(obj: Object, children: Sequence[Object]) -> Verdict:
    """Available or bound."""
    phase = text(obj, "status", "phase")
    if phase in ("Available", "Bound"):
        return current(phase.lower())
    if phase == "Failed":
        return hopeless(condensed(text(obj, "status", "message")) or "its reclamation failed")
    if phase == "Released":
        return in_progress("released by its former claim, and not yet reclaimed")
    return in_progress("the volume controller has not looked at it yet" if not phase else "pending")


RULES: Table = {
    ("", "PersistentVolumeClaim"): claim,
    ("", "PersistentVolume"): volume,
}
