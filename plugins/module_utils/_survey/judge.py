# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What follows from what was found: what is in the way, what the site chose, what it can rely on. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _table
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey import scope
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey.findings import Finding
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey.signatures import SIGNATURES

DEFINITION = "CustomResourceDefinition"
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_PRODUCTS = frozenset(signature.name for signature in SIGNATURES)
USABLE = frozenset({"prometheus_operator", "node_exporter", "kube_state_metrics"})
"""Roles that can rely on somebody else's. The others are our own by name: there is nothing to share."""


@dataclass(frozen=True)
class Component:
    """A component of this site.

    Attributes:
        name: The role.
        existing: What the site chose: stop, adopt or use.
        own: (kind, namespace, name) of the objects that the role makes.
        host_ports: Ports of the nodes that it takes.
        arguments: Command line that ours gets, as far as its scope goes.
        namespaces: Where its instances live.
    """

    name: str
    existing: str = "stop"
    own: FrozenSet[Tuple[str, str, str]] = frozenset()
    host_ports: Tuple[int, ...] = ()
    arguments: Tuple[str, ...] = ()
    namespaces: Tuple[str, ...] = ()

    def same_name(self, finding: Finding) -> bool:
        """Whether ours would be this very object."""
        return (finding.kind, finding.namespace, finding.name) in self.own

    def taken(self, finding: Finding) -> bool:
        """Whether somebody else has an object that ours would be; what a person made by hand is nobody else's."""
        return bool(finding.owner) and self.same_name(finding)


@dataclass
class Line:
    """A finding with what the site chose and what comes of it."""

    finding: Finding
    choice: str
    outcome: str
    problem: str = ""


@dataclass
class Judgement:
    """All lines, what stops the run, and what the roles can rely on."""

    lines: List[Line] = field(default_factory=list)
    problems: List[str] = field(default_factory=list)
    use: Dict[str, Dict[str, Any]] = field(default_factory=dict)


def judge(findings: Sequence[Finding], components: Sequence[Component], served: FrozenSet[str]) -> Judgement:
    """Weigh every finding. ``served``: kinds of monitoring.coreos.com/v1 that the cluster serves."""
    by_name = {component.name: component for component in components}
    result = Judgement()
    for finding in findings:
        component = by_name.get(finding.role)
        if component is None:
            result.lines.append(Line(finding, "", _NOTES.get(finding.product, _NOTED)))
            continue
        line = _line(finding, component)
        result.lines.append(line)
        if line.problem:
            result.problems.append(line.problem)
    for component in components:
        if component.existing == "use":
            result.problems += _use(component, findings, served, result)
    return result


def _line(finding: Finding, component: Component) -> Line:
    trouble = _TROUBLES.get(finding.role, _by_name)(finding, component)
    variable = "%s_existing" % component.name
    if component.existing == "use":
        return Line(finding, "use", "ours is left out" + _condition(finding))
    if not trouble:
        return Line(finding, component.existing, "beside ours: not in the way")
    said = "%s%s %s" % (finding.title, " of " + finding.owner if finding.owner else "", trouble)
    if component.existing == "adopt":
        if component.same_name(finding) or finding.kind == DEFINITION:
            return Line(finding, "adopt", "taken over, data kept")
        advice = "%s: adopt takes over objects of the same name only. %s" % (variable, _ADVICE.get(finding.role, ""))
        return Line(finding, "adopt", "in the way", "%s. %s" % (said, advice.rstrip()))
    choices = "use, adopt" if component.name in USABLE else "adopt"
    advice = "Set %s (%s), or take it away" % (variable, choices)
    return Line(finding, "stop", "in the way", "%s. %s" % (said, advice))


def _condition(finding: Finding) -> str:
    """What our instances have to carry so that an operator takes them."""
    if finding.role != "prometheus_operator":
        return ""
    found = [(instance, scope.parse(finding.arguments, instance).selector) for instance in scope.INSTANCES]
    texts = ["%s with the labels %s" % pair for pair in found if pair[1]]
    return "; it only takes %s" % " and ".join(texts) if texts else ""


_NOTED = "noted: no role of this site brings it"
_NOTES = {"dcgm-exporter": "noted: scraped where model_monitoring_dcgm_labels match its Service"}
_ADVICE = {
    "prometheus_operator": "Take the other operator away, confine both by namespace, or choose use",
    "node_exporter": "Take the other one away, give ours another node_exporter_port, or choose use",
}


def _by_name(finding: Finding, component: Component) -> str:
    return "has the name that ours gets" if component.taken(finding) else ""


def _operator(finding: Finding, component: Component) -> str:
    if finding.kind == DEFINITION:
        return "would be overwritten by ours" if finding.owner else ""
    if component.taken(finding):
        return "has the name that ours gets"
    if component.same_name(finding) or finding.kind in _WEBHOOKS or not finding.active:
        return ""
    for instance in scope.INSTANCES:
        theirs = scope.parse(finding.arguments, instance)
        if theirs.meets(scope.parse(component.arguments, instance)):
            return "looks after %s: two operators would undo each other's work" % theirs
    return ""


def _port(finding: Finding, component: Component) -> str:
    if component.same_name(finding):
        return _by_name(finding, component)
    taken = sorted(set(finding.host_ports) & set(component.host_ports))
    if taken:
        return "takes port %s of its nodes, which ours needs" % ", ".join(str(port) for port in taken)
    return ""


_TROUBLES: Mapping[str, Callable[[Finding, Component], str]] = {
    "prometheus_operator": _operator,
    "node_exporter": _port,
}
"""How to tell what is in the way, per role; by name for all others."""


def _use(component: Component, findings: Sequence[Finding], served: FrozenSet[str], result: Judgement) -> List[str]:
    """Find the one to rely on; problems where none serves."""
    variable = "%s_existing: use" % component.name
    if component.name not in USABLE:
        return ["%s isn't possible: ours is told by its name, choose stop or adopt" % variable]
    found = [f for f in findings if f.role == component.name and f.product in _PRODUCTS]
    found = [f for f in found if f.kind not in (DEFINITION, *_WEBHOOKS)]
    refused = [(finding, _unfit(finding, component)) for finding in found]
    fit = next((finding for finding, why in refused if not why), None)
    if fit is None:
        reasons = "; ".join("%s %s" % (finding.title, why) for finding, why in refused) or "there is none"
        return ["%s: nothing in this cluster can be relied on: %s" % (variable, reasons)]
    problems = []
    missing = sorted(NEEDED - served) if component.name == "prometheus_operator" else []
    if missing:
        problems.append("%s: the cluster doesn't serve %s of monitoring.coreos.com/v1" % (variable, ", ".join(missing)))
    pods = dict(fit.pods)
    result.use[component.name] = {
        "kind": fit.kind,
        "namespace": fit.namespace,
        "name": fit.name,
        "version": fit.version,
        "labels": pods.get("labels") or {},
        "port": pods.get("port") or "",
        "scheme": pods.get("scheme") or "http",
    }
    return problems


NEEDED = frozenset({"Alertmanager", "PodMonitor", "Prometheus", "PrometheusRule", "ServiceMonitor"})


def _unfit(finding: Finding, component: Component) -> str:
    """Why a thing can't be relied on, or empty."""
    if not finding.ready:
        return "has no ready pod"
    if component.name == "prometheus_operator":
        for instance in scope.INSTANCES:
            theirs = scope.parse(finding.arguments, instance)
            left_out = [name for name in component.namespaces if not theirs.takes(name)]
            if left_out:
                return "doesn't look after %s in %s, only %s" % (instance, ", ".join(left_out), theirs)
            if theirs.identity:
                return "only looks after objects of the controller id %s" % theirs.identity
        return ""
    if not finding.pods:
        return "can't be scraped by its pods' labels and a named port"
    return ""


def table(lines: Sequence[Line]) -> List[str]:
    """The findings as a table, a line each."""
    rows: List[Tuple[str, ...]] = [("product", "found", "owner", "version", "choice", "outcome")]
    for line in sorted(lines, key=lambda one: (one.finding.product, one.finding.title)):
        finding = line.finding
        owner = finding.owner or ("field managers %s" % ", ".join(finding.managers) if finding.managers else "unknown")
        rows.append((finding.product, finding.title, owner, finding.version or "-", line.choice or "-", line.outcome))
    return _table.aligned(rows)


def entry(line: Line) -> Dict[str, Optional[Any]]:
    """A line as data."""
    finding = line.finding
    return {
        "product": finding.product,
        "component": finding.role,
        "kind": finding.kind,
        "namespace": finding.namespace,
        "name": finding.name,
        "owner": finding.owner,
        "version": finding.version,
        "managers": list(finding.managers),
        "choice": line.choice,
        "outcome": line.outcome,
    }
