# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What went wrong, in words a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

MAX_SHOWN = 100
"""More problems than this are counted, not listed."""


@dataclass(frozen=True)
class Problem:
    """One reason why nothing can be rolled out, and where it was written."""

    message: str
    source: str = ""
    object: str = ""
    field: str = ""

    def __str__(self) -> str:
        parts = [self.source, self.object, self.field, self.message]
        return ": ".join(part for part in parts if part)

    def to_result(self) -> Dict[str, str]:
        """The problem as the task's result shows it."""
        return {"source": self.source, "object": self.object, "field": self.field, "message": self.message}


class RolloutError(Exception):
    """Stops a rollout. ``result`` is what is already known, for the task's result."""

    def __init__(self, message: str, result: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(message)
        self.message = message
        self.result: Dict[str, Any] = dict(result or {})


class ConnectionProblem(RolloutError):
    """The API server can't be reached or doesn't let us in."""


class MissingLibrary(RolloutError):
    """A Python library that this needs isn't installed."""


class InvalidInput(RolloutError):
    """Some objects are wrong; each problem is listed."""

    def __init__(self, problems: Sequence[Problem], consequence: str = "Nothing was written.") -> None:
        self.problems: List[Problem] = sorted(problems, key=str)
        super().__init__(summarise(self.problems, consequence), {"problems": [p.to_result() for p in self.problems]})


def summarise(problems: Sequence[Problem], consequence: str) -> str:
    """Write all problems as one message, one a line."""
    if len(problems) == 1:
        return "%s. %s" % (str(problems[0]).rstrip(" ."), consequence)
    lines = ["%d problems. %s" % (len(problems), consequence)]
    lines += ["- %s" % problem for problem in problems[:MAX_SHOWN]]
    if len(problems) > MAX_SHOWN:
        lines.append("- and %d more" % (len(problems) - MAX_SHOWN))
    return "\n".join(lines)
