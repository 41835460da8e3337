# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The kinds of the Prometheus Operator."""

from __future__ import annotations

from typing import Callable, List, Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    Condition,
    Rule,
    Table,
    behind,
    conditions,
    current,
    dig,
    failed,
    hopeless,
    in_progress,
    items,
    name_of,
    number,
    plural,
    text,
    unseen,
)

GROUP = "monitoring.coreos.com"
SELECTED = "ServiceMonitor, PodMonitor, Probe, ScrapeConfig or PrometheusRule"


def _sharded(obj: Object) -> int:
    return number(obj, "spec", "replicas", default=1) * number(obj, "spec", "shards", default=1)


def _pods(obj: Object) -> int:
    return number(obj, "spec", "replicas", default=1)


def _per_node(obj: Object) -> Optional[int]:
    """How many pods an agent wants; None as a DaemonSet, where the nodes decide."""
    return None if text(obj, "spec", "mode") == "DaemonSet" else _sharded(obj)


def _workload(wanted: Callable[[Object], Optional[int]], selects: str) -> Rule:
    """The rule of a CR that the operator turns into pods; selects: what it does nothing without, if anything."""

    def rule(obj: Object, children: Sequence[Object]) -> Verdict:
        if dig(obj, "spec", "paused") is True:
            return hopeless("paused: the operator leaves it alone until spec.paused is cleared")
        found = conditions(obj)
        if any(behind(obj, found.get(name)) for name in ("Reconciled", "Available")):
            return unseen(obj, "the operator")
        reconciled = found["Reconciled"]
        if reconciled.status == "False":
            return failed("the operator cannot reconcile it: %s" % (reconciled.said or "no reason given"))
        if not reconciled.true:
            return in_progress("the operator reports: %s" % (reconciled.said or "not reconciled"))
        if reconciled.reason == "NoSelectedResources" and selects:
            return failed("selects no %s: compare its selectors with their labels and namespaces" % selects)
        short = _available(obj, wanted(obj), found["Available"]) or _of_former_image(obj, children)
        return short or current(_deprecated(reconciled))

    return rule


MAIN = {"Prometheus": "prometheus", "PrometheusAgent": "prometheus", "Alertmanager": "alertmanager"}
"""Kind to the name of the container that runs its image, where spec.image names one."""


def _of_former_image(obj: Object, children: Sequence[Object]) -> Optional[Verdict]:
    """Whether the operator has yet to hand the image on (children: workloads that the resource owns).

    It stamps the new generation beside what it found for the old one, before it acts on the new.
    """
    image, main = text(obj, "spec", "image"), MAIN.get(text(obj, "kind"))
    for child in children if image and main else ():
        for container in items(child, "spec", "template", "spec", "containers"):
            runs = text(container, "image")
            if text(container, "name") == main and runs != image:
                whose = "%s %s" % (text(child, "kind"), name_of(child))
                return in_progress("the operator has not given %s the image %s yet, it has %s" % (whose, image, runs))
    return None


def _available(obj: Object, wanted: Optional[int], available: Condition) -> Optional[Verdict]:
    if wanted is not None:
        for field, word in (("updatedReplicas", "updated"), ("availableReplicas", "available")):
            count = number(obj, "status", field)
            if count < wanted:
                said = " (%s)" % available.said if available.said else ""
                return in_progress("%d of %s %s%s" % (count, plural(wanted, "pod"), word, said))
        surplus = number(obj, "status", "replicas") - wanted
        if surplus > 0:
            return in_progress("%s to be removed" % plural(surplus, "surplus pod"))
    if not available.true:
        return in_progress("%s: %s" % ("available is " + available.status, available.said))
    return None


def _deprecated(reconciled: Condition) -> str:
    return "uses deprecated fields: %s" % reconciled.message if reconciled.reason == "DeprecatedFieldsInUse" else ""


def selected(obj: Object, children: Sequence[Object]) -> Verdict:
    """A monitor, rule or config: current unless a workload that selects it says that it is rejected."""
    waiting: List[str] = []
    for binding in items(obj, "status", "bindings"):
        who = "%s %s/%s" % (text(binding, "resource"), text(binding, "namespace"), text(binding, "name"))
        accepted = conditions(binding, "conditions").get("Accepted")
        if accepted is None or behind(obj, accepted):
            waiting.append(who)
        elif accepted.status == "False":
            return failed("rejected by %s: %s" % (who, accepted.said or "no reason given"))
    return in_progress("%s has not looked at it yet" % ", ".join(waiting)) if waiting else current()


RULES: Table = {
    (GROUP, "Prometheus"): _workload(_sharded, SELECTED),
    (GROUP, "PrometheusAgent"): _workload(_per_node, SELECTED),
    (GROUP, "Alertmanager"): _workload(_pods, ""),
    (GROUP, "ThanosRuler"): _workload(_pods, "PrometheusRule"),
}
RULES.update(
    {
        (GROUP, kind): selected
        for kind in ("ServiceMonitor", "PodMonitor", "Probe", "PrometheusRule", "ScrapeConfig", "AlertmanagerConfig")
    }
)
