# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Why a claim isn't bound."""

from __future__ import annotations

import re
from typing import List, Mapping, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import Cause, Code
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    condensed,
    dig,
    mapping,
    name_of,
    text,
)

DEFAULT = "storageclass.kubernetes.io/is-default-class"
PROVISIONER = re.compile(r"external provisioner '(?P<name>[^']+)'")


def is_default(storage_class: Object) -> bool:
    """Whether claims that name no class get this one."""
    return mapping(storage_class, "metadata", "annotations").get(DEFAULT) == "true"


def offered(classes: Sequence[Object]) -> str:
    """The classes there are, for a person to choose from."""
    names = sorted(name_of(item) + (" (default)" if is_default(item) else "") for item in classes)
    return "there is %s" % ", ".join(names) if names else "the cluster has no StorageClass"


def claim_cause(
    claim: Object,
    classes: Optional[Sequence[Object]],
    volumes: Sequence[Object],
    events: Sequence[Mapping[str, object]],
) -> Optional[Cause]:
    """Why a claim is pending. classes: None where they can't be read; events: the claim's, oldest first."""
    name = "PersistentVolumeClaim %s" % name_of(claim)
    if text(claim, "status", "phase") == "Lost":
        return Cause(Code.CLAIM_LOST, "%s has lost its volume %s" % (name, text(claim, "spec", "volumeName")))
    if text(claim, "status", "phase") == "Bound":
        return None
    wanted = dig(claim, "spec", "storageClassName")
    statically = any(
        text(volume, "spec", "storageClassName") == (wanted or "") and text(volume, "status", "phase") == "Available"
        for volume in volumes
    )
    if classes is not None and not statically:
        lacking = _class_trouble(name, wanted, classes)
        if lacking:
            return lacking
    return _told(name, events)


def _class_trouble(name: str, wanted: object, classes: Sequence[Object]) -> Optional[Cause]:
    if wanted is None and not any(is_default(item) for item in classes):
        return Cause(
            Code.CLASS_DEFAULT, "%s names no StorageClass and no default is set: %s" % (name, offered(classes))
        )
    if wanted == "":
        return Cause(Code.CLAIM_WAITS, "%s is to be bound by hand, and no free PersistentVolume fits" % name)
    if wanted is not None and wanted not in [name_of(item) for item in classes]:
        return Cause(
            Code.CLASS_MISSING, "%s wants StorageClass %s, which doesn't exist: %s" % (name, wanted, offered(classes))
        )
    return None


def _told(name: str, events: Sequence[Mapping[str, object]]) -> Optional[Cause]:
    latest: List[Mapping[str, object]] = list(events)[-1:]
    for event in latest:
        reason, message = text(event, "reason"), text(event, "message")
        if reason in ("ProvisioningFailed", "FailedBinding", "VolumeMismatch"):
            return Cause(Code.PROVISIONING, "%s: %s" % (name, condensed(message)))
        provisioner = PROVISIONER.search(message)
        if reason == "ExternalProvisioning" and provisioner:
            return Cause(Code.CLAIM_WAITS, "%s waits for provisioner %s" % (name, provisioner["name"]))
        if reason == "Provisioning":
            return Cause(Code.CLAIM_WAITS, "%s is being provisioned" % name)
    return None
