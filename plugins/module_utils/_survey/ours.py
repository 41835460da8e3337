# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The objects that our roles make by default, so that a name that is taken is found before the first role runs.

tests/render holds the table to the templates. What a site adds is looked at when its role is rolled out.
"""

from __future__ import annotations

from typing import Dict, List, Tuple

STACK, AGENTS, CLUSTER = "stack", "agents", ""
"""Where an object lives: the two namespaces of a site, or none."""

_RBAC = "rbac.authorization.k8s.io/v1"
_OPERATOR = "monitoring.coreos.com/v1"

Identity = Tuple[str, str, str, str]
"""(api_version, kind, namespace, name)"""

OWN: Dict[str, Tuple[Tuple[str, str, str, Tuple[str, ...]], ...]] = {
    "prometheus_operator": (
        ("v1", "ServiceAccount", STACK, ("prometheus-operator",)),
        ("v1", "Service", STACK, ("prometheus-operator",)),
        ("apps/v1", "Deployment", STACK, ("prometheus-operator",)),
        (_RBAC, "ClusterRole", CLUSTER, ("prometheus-operator", "prometheus-operator-eviction")),
        (_RBAC, "ClusterRoleBinding", CLUSTER, ("prometheus-operator", "prometheus-operator-eviction")),
        (_OPERATOR, "ServiceMonitor", STACK, ("prometheus-operator",)),
        (_OPERATOR, "PrometheusRule", STACK, ("prometheus-operator",)),
    ),
    "prometheus": (
        ("v1", "ServiceAccount", STACK, ("prometheus",)),
        ("v1", "Service", STACK, ("prometheus",)),
        ("policy/v1", "PodDisruptionBudget", STACK, ("prometheus",)),
        (_RBAC, "ClusterRole", CLUSTER, ("prometheus", "prometheus-discovery")),
        (_RBAC, "ClusterRoleBinding", CLUSTER, ("prometheus", "prometheus-discovery")),
        (_OPERATOR, "Prometheus", STACK, ("prometheus",)),
        (_OPERATOR, "ServiceMonitor", STACK, ("prometheus", "apiserver")),
        (_OPERATOR + "alpha1", "ScrapeConfig", STACK, ("kubelet", "cadvisor")),
        (_OPERATOR, "PrometheusRule", STACK, ("prometheus",)),
    ),
    "alertmanager": (
        ("v1", "ServiceAccount", STACK, ("alertmanager",)),
        ("v1", "Secret", STACK, ("alertmanager-config",)),
        ("v1", "Service", STACK, ("alertmanager",)),
        ("policy/v1", "PodDisruptionBudget", STACK, ("alertmanager",)),
        (_OPERATOR, "Alertmanager", STACK, ("main",)),
        (_OPERATOR, "ServiceMonitor", STACK, ("alertmanager",)),
        (_OPERATOR, "PrometheusRule", STACK, ("alertmanager",)),
    ),
    "node_exporter": (
        ("v1", "ServiceAccount", AGENTS, ("node-exporter",)),
        ("apps/v1", "DaemonSet", AGENTS, ("node-exporter",)),
        (_OPERATOR, "PodMonitor", STACK, ("node-exporter",)),
        (_OPERATOR, "PrometheusRule", STACK, ("node-exporter",)),
    ),
    "kube_state_metrics": (
        ("v1", "ServiceAccount", STACK, ("kube-state-metrics",)),
        ("v1", "Service", STACK, ("kube-state-metrics",)),
        ("apps/v1", "Deployment", STACK, ("kube-state-metrics",)),
        (_RBAC, "ClusterRole", CLUSTER, ("kube-state-metrics",)),
        (_RBAC, "ClusterRoleBinding", CLUSTER, ("kube-state-metrics",)),
        (_OPERATOR, "ServiceMonitor", STACK, ("kube-state-metrics",)),
        (_OPERATOR, "PrometheusRule", STACK, ("kube-state-metrics",)),
    ),
    "model_monitoring": (
        (_OPERATOR, "ServiceMonitor", STACK, ("dcgm-exporter", "model-server", "ollama-fleet")),
        (_OPERATOR, "PrometheusRule", STACK, ("model-alerts",)),
    ),
}


def objects(role: str, namespace: str, agents_namespace: str) -> List[Identity]:
    """What a role makes in these namespaces; nothing where the namespaces aren't told."""
    if not namespace:
        return []
    places = {STACK: namespace, AGENTS: agents_namespace or namespace, CLUSTER: ""}
    return [
        (api_version, kind, places[place], name)
        for api_version, kind, place, names in OWN.get(role, ())
        for name in names
    ]
