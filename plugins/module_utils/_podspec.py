# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Where an object keeps its pod: one table for transforms and reference checks."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

_TEMPLATES: Dict[Tuple[str, str], Tuple[str, ...]] = {
    ("", "Pod"): ("spec",),
    ("", "ReplicationController"): ("spec", "template", "spec"),
    ("apps", "Deployment"): ("spec", "template", "spec"),
    ("apps", "DaemonSet"): ("spec", "template", "spec"),
    ("apps", "StatefulSet"): ("spec", "template", "spec"),
    ("apps", "ReplicaSet"): ("spec", "template", "spec"),
    ("batch", "Job"): ("spec", "template", "spec"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
}
_OPERANDS: Dict[Tuple[str, str], Tuple[str, ...]] = {
    ("monitoring.coreos.com", kind): ("spec",)
    for kind in ("Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler")
}
"""Custom kinds whose spec names pod settings by the same names as a pod."""


def pod_spec(body: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """The pod spec of a built-in workload, not a copy; None for other kinds."""
    return _follow(body, _TEMPLATES)


def operand_spec(body: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """The spec of a custom kind that has pod settings of its own; None for other kinds."""
    return _follow(body, _OPERANDS)


def containers(spec: Mapping[str, Any]) -> Iterator[Dict[str, Any]]:
    """All containers of a pod spec, init and ephemeral ones too."""
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(key) or ():
            if isinstance(container, dict):
                yield container


def _follow(body: Mapping[str, Any], table: Mapping[Tuple[str, str], Tuple[str, ...]]) -> Optional[Dict[str, Any]]:
    group = str(body.get("apiVersion", "")).rpartition("/")[0]
    steps = table.get((group, str(body.get("kind"))))
    if steps is None:
        return None
    value: Any = body
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else None
