# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Read fields of objects that may be partial, and say verdicts briefly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Status, Verdict

Rule = Callable[[Object, Sequence[Object]], Verdict]
"""A kind's rule: the object and what belongs to it, to a verdict."""

Table = Dict[Tuple[str, str], Rule]
"""(API group, kind) to the kind's rule."""


@dataclass(frozen=True)
class Condition:
    """One entry of status.conditions."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    observed_generation: Optional[int] = None

    @property
    def true(self) -> bool:
        """Whether the condition holds."""
        return self.status == "True"

    @property
    def said(self) -> str:
        """Reason and message, as far as they are there."""
        return ": ".join(part for part in (self.reason, condensed(self.message)) if part)


def dig(obj: Any, *path: str) -> Any:
    """Follow a path of keys; None where it ends early."""
    for key in path:
        if not isinstance(obj, Mapping):
            return None
        obj = obj.get(key)
    return obj


def mapping(obj: Any, *path: str) -> Mapping[str, Any]:
    """The mapping at a path; empty where there is none."""
    found = dig(obj, *path)
    return found if isinstance(found, Mapping) else {}


def items(obj: Any, *path: str) -> List[Mapping[str, Any]]:
    """The mappings in the list at a path."""
    found = dig(obj, *path)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def text(obj: Any, *path: str) -> str:
    """The string at a path; empty where there is none."""
    found = dig(obj, *path)
    return found if isinstance(found, str) else ""


def number(obj: Any, *path: str, default: int = 0) -> int:
    """The whole number at a path."""
    found = dig(obj, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def name_of(obj: Any) -> str:
    """metadata.name."""
    return text(obj, "metadata", "name")


def kind_of(obj: Any) -> Tuple[str, str]:
    """API group and kind, the key of every table of rules."""
    return text(obj, "apiVersion").rpartition("/")[0], text(obj, "kind")


def of_kind(objects: Sequence[Object], kind: str) -> List[Object]:
    """Those of the objects that are of a kind."""
    return [obj for obj in objects if text(obj, "kind") == kind]


def conditions(obj: Any, *path: str) -> Dict[str, Condition]:
    """Conditions by type, from status.conditions or the path given."""
    return {text(item, "type"): _condition(item) for item in items(obj, *(path or ("status", "conditions")))}


def is_true(obj: Any, condition: str) -> bool:
    """Whether a condition of status.conditions is there and true."""
    found = conditions(obj).get(condition)
    return found is not None and found.true


def _condition(item: Mapping[str, Any]) -> Condition:
    observed = item.get("observedGeneration")
    return Condition(
        type=text(item, "type"),
        status=text(item, "status"),
        reason=text(item, "reason"),
        message=text(item, "message"),
        observed_generation=observed if isinstance(observed, int) else None,
    )


def behind(obj: Any, condition: Optional[Condition]) -> bool:
    """Whether a condition is missing, or about an earlier generation than the object's.

    One that names no generation speaks: releases of an operator from before it stamped its conditions never do.
    """
    if condition is None or condition.observed_generation is None:
        return condition is None
    return condition.observed_generation < number(obj, "metadata", "generation")


def unseen(obj: Any, who: str) -> Verdict:
    """The verdict of an object whose generation nobody has looked at. who: who should."""
    return in_progress("%s has not looked at generation %d yet" % (who, number(obj, "metadata", "generation")))


def condensed(message: str, limit: int = 300) -> str:
    """A message on one line, without its final stop and not longer than the limit (characters)."""
    line = " ".join(message.split()).rstrip(".")
    return line if len(line) <= limit else line[: limit - 3].rstrip() + "..."


def plural(count: int, word: str) -> str:
    """1 pod, 2 pods."""
    return "%d %s%s" % (count, word, "" if count == 1 else "s")


def current(reason: str = "") -> Verdict:
    """It is as wanted."""
    return Verdict(Status.CURRENT, reason)


def in_progress(reason: str) -> Verdict:
    """It is not there yet."""
    return Verdict(Status.IN_PROGRESS, reason)


def failed(reason: str) -> Verdict:
    """It has failed, and might recover."""
    return Verdict(Status.FAILED, reason)


def hopeless(reason: str) -> Verdict:
    """It has failed, and waiting cannot mend it."""
    return Verdict(Status.FAILED, reason, terminal=True)
