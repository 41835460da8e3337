# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""cert-manager's kinds. Conditions as in cert-manager/cert-manager, pkg/apis/certmanager/v1."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    Table,
    behind,
    conditions,
    current,
    failed,
    hopeless,
    in_progress,
    unseen,
)

GROUP = "cert-manager.io"


def ready(obj: Object, children: Sequence[Object]) -> Verdict:
    """An issuer: Ready for this generation."""
    condition = conditions(obj).get("Ready")
    if condition is None or behind(obj, condition):
        return unseen(obj, "cert-manager")
    if condition.true:
        return current()
    return failed(condition.said or "not ready") if condition.status == "False" else in_progress(condition.said)


def certificate(obj: Object, children: Sequence[Object]) -> Verdict:
    """Issued for this generation; an issue that failed is tried again an hour later."""
    found = conditions(obj)
    issuing = found.get("Issuing")
    if issuing is not None and issuing.status == "False" and issuing.reason in ("Failed", "Denied"):
        return failed("not issued: %s" % issuing.said)
    if issuing is not None and issuing.true:
        return in_progress("being issued: %s" % issuing.said)
    condition = found.get("Ready")
    if condition is None or behind(obj, condition):
        return unseen(obj, "cert-manager")
    return current() if condition.true else in_progress(condition.said or "not ready")


def certificate_request(obj: Object, children: Sequence[Object]) -> Verdict:
    """Signed; what was refused stays refused."""
    found = conditions(obj)
    for name in ("Denied", "InvalidRequest"):
        condition = found.get(name)
        if condition is not None and condition.true:
            return hopeless("%s: %s" % (name, condition.said or "no reason given"))
    condition = found.get("Ready")
    if condition is None:
        return in_progress("cert-manager has not looked at it yet")
    if condition.true:
        return current()
    return hopeless(condition.said) if condition.reason == "Failed" else in_progress(condition.said or "not signed yet")


RULES: Table = {
    (GROUP, "Certificate"): certificate,
    (GROUP, "CertificateRequest"): certificate_request,
    (GROUP, "Issuer"): ready,
    (GROUP, "ClusterIssuer"): ready,
}
