# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A site's wishes about single alerts: off, slower, of another severity, with further labels."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object

DURATION = re.compile(r"(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$")
SEVERITIES = ("critical", "warning", "info", "none")


class TuningError(ValueError):
    """A wish that can't be granted; its text names the alert and the key."""


def _is_duration(value: Any) -> bool:
    return isinstance(value, str) and DURATION.match(value) is not None


def _is_labels(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(item, str) for pair in value.items() for item in pair)


# Key of a wish: what it takes, in words and as a test.
KEYS: Dict[str, Any] = {
    "enabled": ("true or false", lambda value: isinstance(value, bool)),
    "for": ("a duration like 10m", _is_duration),
    "severity": ("one of %s" % ", ".join(SEVERITIES), lambda value: value in SEVERITIES),
    "labels": ("names and texts", _is_labels),
}


def check(wishes: Mapping[str, Any]) -> None:
    """Raise TuningError for the first wish with an unknown key or a wrong value."""
    for alert, wish in wishes.items():
        if not isinstance(wish, Mapping):
            raise TuningError("%s: expected keys (%s), got %r" % (alert, ", ".join(KEYS), wish))
        for key, value in wish.items():
            if key not in KEYS:
                raise TuningError("%s: unknown key %r; known: %s" % (alert, key, ", ".join(KEYS)))
            words, holds = KEYS[key]
            if not holds(value):
                raise TuningError("%s: %s must be %s, got %r" % (alert, key, words, value))


def tuned(rule: Object, wishes: Mapping[str, Any]) -> List[Object]:
    """A rule as the site wants it: none at all, or one."""
    wish = wishes.get(rule.get("alert", ""), {})
    if not wish.get("enabled", True):
        return []
    changed = dict(rule)
    if "for" in wish:
        changed["for"] = wish["for"]
    labels = {**rule.get("labels", {}), **wish.get("labels", {})}
    if "severity" in wish:
        labels["severity"] = wish["severity"]
    if labels:
        changed["labels"] = labels
    return [changed]


def tuned_object(body: Object, wishes: Mapping[str, Any]) -> Object:
    """A PrometheusRule with its alerts as the site wants them; a group without rules goes. Other kinds stay."""
    if body.get("kind") != "PrometheusRule":
        return body
    groups = []
    for group in body["spec"]["groups"]:
        rules = [new for rule in group["rules"] for new in tuned(rule, wishes)]
        if rules:
            groups.append({**group, "rules": rules})
    return {**body, "spec": {**body["spec"], "groups": groups}}
