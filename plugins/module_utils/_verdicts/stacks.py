# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""LokiStack and TempoStack: one condition of a few is true.

As in grafana/loki operator/v0.11.0, operator/api/loki/v1/lokistack_types.go, and grafana/tempo-operator v0.22.0,
api/tempo/v1alpha1/tempostack_types.go. Types and statuses are read, never messages: a LokiStack that is Ready still has
``Pending=False`` with a text about failing readiness checks.
"""

from __future__ import annotations

from typing import Dict, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    Condition,
    Rule,
    Table,
    conditions,
    current,
    failed,
    in_progress,
    number,
    text,
)

FAILING: Dict[str, Tuple[str, ...]] = {
    "LokiStack": ("Failed", "Degraded"),
    "TempoStack": ("Failed", "ConfigurationError"),
}
"""Conditions that are true when it can't work; a wrong Secret that is corrected mends them."""


def _stack(kind: str) -> Rule:
    def rule(obj: Object, children: Sequence[Object]) -> Verdict:
        if text(obj, "spec", "managementState") == "Unmanaged":
            return in_progress("the operator leaves it alone: spec.managementState is Unmanaged")
        found = conditions(obj)
        if not found:
            return in_progress("the operator has not looked at it yet")
        for name in FAILING[kind]:
            condition = found.get(name)
            if condition is not None and condition.true:
                return failed("%s: %s" % (name, condition.said or "no reason given"))
        ready = found.get("Ready")
        if ready is not None and ready.true:
            return in_progress("its conditions are older than its spec") if _old(obj, ready) else _warned(found)
        pending = found.get("Pending")
        return in_progress("pending: %s" % pending.said if pending and pending.true else "not ready")

    return rule


def _old(obj: Object, condition: Condition) -> bool:
    """Most releases don't fill the generation in; one that does is believed."""
    observed = condition.observed_generation
    return bool(observed) and (observed or 0) < number(obj, "metadata", "generation")


def _warned(found: Dict[str, Condition]) -> Verdict:
    warning = found.get("Warning")
    return current("warning: %s" % warning.said if warning is not None and warning.true else "")


RULES: Table = {
    ("loki.grafana.com", "LokiStack"): _stack("LokiStack"),
    ("tempo.grafana.com", "TempoStack"): _stack("TempoStack"),
}
