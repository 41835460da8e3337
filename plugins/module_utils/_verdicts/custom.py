# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A site's own conditions, in JMESPath."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    condensed,
    current,
    failed,
    hopeless,
    in_progress,
    kind_of,
    name_of,
)

try:
    jmespath: Any = import_module("jmespath")
except ImportError:  # without the package a condition is answered with how to get it
    jmespath = None


@dataclass(frozen=True)
class CustomCondition:
    """A site's own rule for a kind: JMESPath over the object, true when it is current or has failed."""

    api_version: str
    kind: str
    name: Optional[str]
    current: str
    failed: Optional[str] = None

    def meets(self, obj: Object) -> bool:
        """Whether the rule is for this object; versions of one API group count as the same kind."""
        wanted = (self.api_version.rpartition("/")[0], self.kind)
        return kind_of(obj) == wanted and self.name in (None, "", name_of(obj))


def judge(obj: Object, rule: CustomCondition) -> Verdict:
    """Judge an object by a site's own rule."""
    if jmespath is None:
        return hopeless("a condition for kind %s needs the Python package jmespath where the rollout runs" % rule.kind)
    try:
        answer = _search(rule.failed, obj)
        if answer:
            said = condensed(answer) if isinstance(answer, str) else "the condition failed: %s holds" % rule.failed
            return failed(said)
        if _search(rule.current, obj):
            return current()
    except ValueError as error:
        return hopeless("the condition for kind %s is no valid JMESPath: %s" % (rule.kind, condensed(str(error))))
    return in_progress("the condition doesn't hold yet: %s" % rule.current)


def _search(expression: Optional[str], obj: Object) -> Any:
    if not expression:
        return None
    compiled = jmespath.compile(expression)
    try:
        return compiled.search(obj)
    except jmespath.exceptions.JMESPathTypeError:
        # A function got null: what it reads isn't there yet.
        return None
