# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""How long a trouble may last before waiting on is pointless."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import (
    PATIENCE,
    RESTARTS,
    Cause,
    Code,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ObjectId, Status, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.news import Trouble

FAILED_PATIENCE = 30.0
"""Seconds a failure that might mend itself may last."""

TROUBLE_PATIENCE = {401: 10.0, 403: 5.0}
"""Seconds an answer may last that waiting is unlikely to change, by HTTP status."""

TROUBLES = {
    0: "the API server doesn't answer: %s",
    401: "the API server refuses the credentials: %s",
    403: "the credentials may not read it: %s",
}

PLAIN = ("Pod", "PersistentVolumeClaim")
"""Kinds whose cause says all that their verdict says."""


@dataclass
class Patience:
    """What one object's trouble is, and since when. Times are of the waiter's clock, in seconds."""

    code: Optional[Code] = None
    since: float = 0.0
    fewest_crashes: Optional[int] = None
    crashing_since: float = 0.0
    failing_since: Optional[float] = None

    @property
    def crashed(self) -> bool:
        """Whether a container was seen to crash."""
        return self.fewest_crashes is not None

    def reset(self) -> None:
        """All is well again."""
        self.code = self.failing_since = self.fewest_crashes = None

    def weigh(self, target: ObjectId, verdict: Verdict, cause: Optional[Cause], now: float) -> Verdict:
        """The verdict with its cause, terminal when the patience for it is over."""
        if verdict.status is Status.TERMINATING:
            return verdict
        if verdict.status is not Status.FAILED:
            self.failing_since = None
        elif self.failing_since is None:
            self.failing_since = now
        allowed = max(FAILED_PATIENCE, (PATIENCE[cause.code] if cause else None) or 0.0)
        hopeless = verdict.terminal or (self.failing_since is not None and now - self.failing_since >= allowed)
        if cause is None:
            self.code = None
            return replace(verdict, terminal=hopeless)
        hopeless = hopeless or self._over(cause, now)
        return Verdict(Status.FAILED if hopeless else verdict.status, _reason(target, verdict, cause), hopeless)

    def _over(self, cause: Cause, now: float) -> bool:
        if cause.code is not self.code:
            self.code, self.since = cause.code, now
        if cause.code in (Code.CRASH_LOOP, Code.CRASHED):
            return self._crashed_out(cause, now)
        patience = PATIENCE[cause.code]
        return patience is not None and now - self.since >= patience

    def _crashed_out(self, cause: Cause, now: float) -> bool:
        # Between two crashes a container runs for a moment: this time goes on.
        if self.fewest_crashes is None:
            self.fewest_crashes, self.crashing_since = cause.count, now
        self.fewest_crashes = min(self.fewest_crashes, cause.count)
        patience = PATIENCE[cause.code]
        # One more crash must be seen: a pod that crashed before this rollout mended the cause sits out its back-off.
        return (
            patience is not None
            and now - self.crashing_since >= patience
            and cause.count >= max(RESTARTS, self.fewest_crashes + 1)
        )


def _reason(target: ObjectId, verdict: Verdict, cause: Cause) -> str:
    if target.kind in PLAIN or (verdict.status is Status.FAILED and not verdict.terminal):
        return cause.text
    return "%s: %s" % (verdict.reason, cause.text) if verdict.reason else cause.text


def unreadable(verdict: Verdict, trouble: Trouble, lasted: float) -> Verdict:
    """The verdict on an object that can't be read just now. lasted: seconds."""
    patience = TROUBLE_PATIENCE.get(trouble.status)
    hopeless = patience is not None and lasted >= patience
    last = " (last seen: %s)" % verdict.reason if verdict.reason else ""
    reason = TROUBLES.get(trouble.status, "%s") % trouble.message + last
    return Verdict(Status.FAILED if hopeless else Status.IN_PROGRESS, reason, hopeless)
