# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""CustomResourceDefinition, APIService, Namespace: what the API server itself serves."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    Table,
    conditions,
    current,
    hopeless,
    in_progress,
    items,
    text,
)


def definition(obj: Object, children: Sequence[Object]) -> Verdict:
    """Its names are accepted, it is established, and its stored versions are still declared."""
    found = conditions(obj)
    names = found.get("NamesAccepted")
    if names and names.status == "False":
        return hopeless("its names are refused: %s" % names.said)
    if not (names and names.true):
        return in_progress("the API server has not accepted its names yet")
    for name in ("NonStructuralSchema", "KubernetesAPIApprovalPolicyConformant"):
        condition = found.get(name)
        if condition and condition.status == ("True" if name == "NonStructuralSchema" else "False"):
            return hopeless("%s: %s" % (name, condition.said))
    established = found.get("Established")
    if not (established and established.true):
        said = established.said if established else ""
        return in_progress("not established yet" + (": " + said if said else ""))
    served = [text(version, "name") for version in items(obj, "spec", "versions") if version.get("served")]
    return current() if served or not items(obj, "spec", "versions") else hopeless("none of its versions is served")


def api_service(obj: Object, children: Sequence[Object]) -> Verdict:
    """Available."""
    available = conditions(obj).get("Available")
    if available is None:
        return in_progress("the aggregator has not looked at it yet")
    return current() if available.true else in_progress("not available: %s" % available.said)


def namespace(obj: Object, children: Sequence[Object]) -> Verdict:
    """Active."""
    phase = text(obj, "status", "phase")
    return current() if phase == "Active" else in_progress("phase %s" % (phase or "not set yet"))


RULES: Table = {
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition,
    ("apiregistration.k8s.io", "APIService"): api_service,
    ("", "Namespace"): namespace,
}
