# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Where one object stands: a pure decision from the object and what belongs to it."""

from __future__ import annotations

from typing import Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Status, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts import (
    api,
    batch,
    cert_manager,
    custom,
    deletion,
    generic,
    grafana,
    network,
    prometheus_operator,
    rook,
    stacks,
    static,
    storage,
    workloads,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    Table,
    dig,
    in_progress,
    kind_of,
    mapping,
    number,
)

CustomCondition = custom.CustomCondition

RULES: Table = {}
"""(API group, kind) to the rule that judges it."""
for _family in (
    *(static, workloads, batch, storage, network, api),
    *(prometheus_operator, grafana, stacks, rook, cert_manager),
):
    RULES.update(_family.RULES)

ABSENT = Verdict(Status.NOT_FOUND, "does not exist")


def assess(
    obj: Object,
    children: Sequence[Object] = (),
    conditions: Sequence[CustomCondition] = (),
    *,
    reports_status: Optional[bool] = None,
) -> Verdict:
    """Judge a live object. Never raises, whatever the object lacks.

    The order is fixed: being deleted, not yet looked at, the site's own condition, the kind's rule, the generic rule.
    children: objects the kind's rule may look at, such as a claim's StorageClass and pods.
    reports_status: for kinds without a rule, whether the kind has a status at all; None if unknown.
    """
    if not mapping(obj):
        return ABSENT
    if dig(obj, "metadata", "deletionTimestamp"):
        return deletion.terminating(obj)
    generation = number(obj, "metadata", "generation")
    observed = dig(obj, "status", "observedGeneration")
    rule = RULES.get(kind_of(obj))
    if isinstance(observed, int) and observed < generation:
        return in_progress("its controller has not looked at generation %d yet" % generation)
    for condition in conditions:
        if condition.meets(obj):
            return custom.judge(obj, condition)
    if rule is None:
        return generic.judge(obj, reports_status)
    if observed is None and kind_of(obj) in workloads.OBSERVED:
        return in_progress("its controller has not looked at it yet")
    return rule(obj, children)


def settles_at_once(group: str, kind: str, conditions: Sequence[CustomCondition] = ()) -> bool:
    """Whether an object of this kind is current by existing, so that nobody has to watch it."""
    if any(rule.kind == kind and rule.api_version.rpartition("/")[0] == group for rule in conditions):
        return False
    return RULES.get((group, kind)) is static.exists
