# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a change of one object touches: the fields that differ, and what it disturbs. Names only, never a value."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _diff
from ansible_collections.openhands.gpu_observability.plugins.module_utils._item import Item
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Change, Object

SHOWN = 20
"""More fields than this say no more."""

_NEVER = object()
Rule = Callable[[Object, Object], str]


def of(item: Item) -> Dict[str, Any]:
    """``fields`` and ``effect`` of one item, for the task's result."""
    if item.change is Change.DELETED:
        return {"fields": [], "effect": "is deleted"}
    if item.change is not Change.CONFIGURED or item.live is None:
        return {"fields": [], "effect": ""}
    after = item.applied or item.planned
    if after is None:
        return {"fields": [], "effect": "can't be told before it is applied"}
    before, now = _diff.plain(item.live), _diff.plain(after)
    found = list(_different(before, now, ""))
    return {"fields": found[:SHOWN], "effect": _effect(item, before, now)}


def _effect(item: Item, before: Object, after: Object) -> str:
    if item.recreate:
        return "is deleted and created again"
    rule = _RULES.get((item.id.group, item.id.kind))
    return rule(before.get("spec") or {}, after.get("spec") or {}) if rule else ""


def _workload(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """A pod template that differs is rolled out, pod by pod."""
    effects = []
    if before.get("template") != after.get("template"):
        effects.append("restarts its pods")
    if before.get("replicas") != after.get("replicas"):
        effects.append("scales from %s to %s" % (before.get("replicas"), after.get("replicas")))
    return ", ".join(effects)


def _cron_job(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return "changes its next run" if before.get("jobTemplate") != after.get("jobTemplate") else ""


def _operand(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Its operator makes a StatefulSet of it; nearly every field ends up in the pod template."""
    changed = {key for key in {*before, *after} if before.get(key, _NEVER) != after.get(key, _NEVER)}
    effects = []
    if changed - _WITHOUT_RESTART:
        effects.append("restarts its pods, as far as its operator needs it")
    if "replicas" in changed:
        effects.append("scales from %s to %s" % (before.get("replicas"), after.get("replicas")))
    return ", ".join(effects)


_WITHOUT_RESTART = frozenset(
    {
        "alertmanagerConfigNamespaceSelector",
        "alertmanagerConfigSelector",
        "podMonitorNamespaceSelector",
        "podMonitorSelector",
        "probeNamespaceSelector",
        "probeSelector",
        "replicas",
        "ruleNamespaceSelector",
        "ruleSelector",
        "scrapeConfigNamespaceSelector",
        "scrapeConfigSelector",
        "serviceMonitorNamespaceSelector",
        "serviceMonitorSelector",
    }
)
"""What only chooses configuration, which is reloaded. Prometheus Operator 0.93 makes no pod template of these."""

_RULES: Mapping[Tuple[str, str], Rule] = {
    ("apps", "Deployment"): _workload,
    ("apps", "DaemonSet"): _workload,
    ("apps", "StatefulSet"): _workload,
    ("batch", "CronJob"): _cron_job,
    **{
        ("monitoring.coreos.com", kind): _operand
        for kind in ("Alertmanager", "Prometheus", "PrometheusAgent", "ThanosRuler")
    },
}


def _different(before: Any, after: Any, path: str) -> Iterator[str]:
    """Paths of the values that differ, as deep as both sides have the same shape."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            here = "%s.%s" % (path, key) if path else str(key)
            yield from _different(before.get(key, _NEVER), after.get(key, _NEVER), here)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after)):
            yield from _different(old, new, "%s[%d]" % (path, index))
    elif before != after:
        yield path
