# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which program reconciles a custom resource, and whether it runs."""

from __future__ import annotations

from typing import Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import Cause, Code
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey.signatures import (
    SIGNATURES,
    Signature,
    containers,
    recognise,
    repository_name,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Status
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import assess
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    name_of,
    number,
    text,
)

BY_GROUP = {group: signature for signature in SIGNATURES for group in signature.groups}
"""API group to the product whose program serves it."""


def operator_of(obj: Object) -> Optional[Signature]:
    """The product that reconciles an object of this kind; None where that isn't known."""
    return BY_GROUP.get(text(obj, "apiVersion").rpartition("/")[0])


def known(deployment: Object) -> bool:
    """Whether a Deployment is the program of a product we know."""
    return any(runs(signature, deployment) for signature in BY_GROUP.values())


def runs(signature: Signature, deployment: Object) -> bool:
    """Whether a Deployment is that product's program: by its first image, else by label as images get other names."""
    images = {repository_name(text(container, "image")) for container in containers(deployment)}
    if images.intersection(signature.images):
        return signature.images[0] in images
    return recognise(deployment) is signature


def absent(signature: Signature) -> Cause:
    """No Deployment of it is in the cluster. It may run under a name we don't know, so this alone ends no wait."""
    return Cause(Code.OPERATOR, "nobody reconciles it: no Deployment of %s is in this cluster" % signature.name)


def idle(deployments: Sequence[Object]) -> Optional[Object]:
    """The Deployment that should run it and doesn't; None where one of them does."""
    behind = [one for one in deployments if not _works(one)]
    return behind[0] if len(behind) == len(deployments) else None


def _works(deployment: Object) -> bool:
    if number(deployment, "spec", "replicas", default=1) == 0:
        return False
    # One pod of several is enough: the others wait for its lease.
    return number(deployment, "status", "availableReplicas") > 0 or assess(deployment).status is Status.CURRENT


def stopped(signature: Signature, deployment: Object, cause: Optional[Cause]) -> Cause:
    """The operator is there and doesn't run. cause: what is known about its pods."""
    where = "%s/%s" % (text(deployment, "metadata", "namespace"), name_of(deployment))
    words = "nobody reconciles it: %s (Deployment %s) " % (signature.name, where)
    if number(deployment, "spec", "replicas", default=1) == 0:
        return Cause(Code.OPERATOR, words + "is scaled to 0")
    if cause is None:
        return Cause(Code.OPERATOR, words + "isn't running: %s" % (assess(deployment).reason or "no pod is available"))
    return Cause(cause.code, "%sisn't running: %s" % (words, cause.text), count=cause.count)
