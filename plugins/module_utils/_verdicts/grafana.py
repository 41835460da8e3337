# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The kinds of the Grafana Operator.

Conditions and stages as in grafana/grafana-operator v5.24.0, api/v1beta1 and controllers.
"""

from __future__ import annotations

from typing import Callable, Dict, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    Rule,
    Table,
    behind,
    condensed,
    conditions,
    current,
    dig,
    failed,
    hopeless,
    in_progress,
    text,
    unseen,
)

GROUP = "grafana.integreatly.org"
OPERATOR = "the operator"
SYNCHRONIZED = {
    "GrafanaDashboard": "DashboardSynchronized",
    "GrafanaDatasource": "DatasourceSynchronized",
    "GrafanaFolder": "FolderSynchronized",
}
"""Kind to the condition that says that every selected Grafana has it."""

OBSTACLES: Dict[str, Tuple[Callable[[str], Verdict], str]] = {
    "InvalidSpec": (hopeless, ""),
    "NoMatchingInstance": (failed, "no Grafana matches its instanceSelector: "),
    "NoMatchingFolder": (failed, "its folder can't be used: "),
    "FolderUIDMismatch": (failed, "Grafana has this folder under another uid: "),
}
"""Conditions that are there only while something keeps it out of Grafana (controllers/controller_shared.go)."""


def grafana(obj: Object, children: Sequence[Object]) -> Verdict:
    """The last stage is complete and Grafana's API let the operator in."""
    if dig(obj, "spec", "suspend") is True:
        return hopeless("suspended: the operator leaves it alone until spec.suspend is cleared")
    stage, outcome = text(obj, "status", "stage"), text(obj, "status", "stageStatus")
    message = condensed(text(obj, "status", "lastMessage"))
    if not stage:
        return unseen(obj, OPERATOR)
    if outcome == "failed":
        return failed("stage %s failed%s" % (stage, ": " + message if message else ""))
    if stage != "complete" or outcome != "success":
        return in_progress("stage %s%s" % (stage, ": " + message if message else ""))
    ready = conditions(obj).get("GrafanaReady")
    if ready is not None and ready.status == "False":
        return failed(ready.said or "GrafanaReady is False")
    if ready is None or behind(obj, ready):
        return unseen(obj, OPERATOR)
    return current() if ready.true else in_progress(ready.said or "GrafanaReady is %s" % ready.status)


def _content(kind: str) -> Rule:
    synchronized = SYNCHRONIZED[kind]

    def rule(obj: Object, children: Sequence[Object]) -> Verdict:
        found = conditions(obj)
        if dig(obj, "spec", "suspend") is True:
            return hopeless("suspended: the operator leaves it alone until spec.suspend is cleared")
        for name, (judge, hint) in OBSTACLES.items():
            condition = found.get(name)
            if condition is not None and condition.true and not behind(obj, condition):
                return judge(hint + (condition.said or name))
        condition = found.get(synchronized)
        if condition is None or behind(obj, condition):
            return unseen(obj, OPERATOR)
        if condition.status == "False":
            return failed(condition.said or "%s is False" % synchronized)
        return current() if condition.true else in_progress(condition.said or "%s is Unknown" % synchronized)

    return rule


RULES: Table = {(GROUP, "Grafana"): grafana, **{(GROUP, kind): _content(kind) for kind in SYNCHRONIZED}}
