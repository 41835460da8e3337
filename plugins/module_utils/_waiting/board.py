# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What is known about each target, and what follows from it. No I/O: the time comes in as a number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import (
    Object,
    ObjectId,
    Status,
    Verdict,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdict import (
    ABSENT,
    RULES,
    CustomCondition,
    assess,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    kind_of,
    mapping,
    number,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.news import (
    Collection,
    Insight,
    News,
    Target,
    Trouble,
    collections_of,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.patience import Patience, unreadable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._waiting.settling import settling_seconds

UNREAD = Verdict(Status.IN_PROGRESS)
GONE = Verdict(Status.NOT_FOUND, "gone")
STAYS = Verdict(Status.IN_PROGRESS, "still there, and not being deleted")


@dataclass
class Entry:
    """One target as far as it is known. since: when its status last changed, by the waiter's clock."""

    target: Target
    collection: Collection
    since: float
    heard: bool = False
    obj: Optional[Object] = None
    insight: Insight = field(default_factory=Insight)
    examined: bool = False
    verdict: Verdict = UNREAD
    patience: Patience = field(default_factory=Patience)
    assessed: Verdict = UNREAD
    assessed_obj: Optional[Object] = None
    assessed_insight: Optional[Insight] = None
    unsettled: bool = False
    good_since: Optional[float] = None


class Board:
    """Takes news and insights in, and judges every target."""

    def __init__(
        self,
        targets: Sequence[Target],
        now: float,
        conditions: Sequence[CustomCondition] = (),
        expect_absent: bool = False,
    ) -> None:
        collection_of = {one: collection for collection in collections_of(targets) for one in collection.ids}
        self.entries = {
            target.id: Entry(target, collection_of[target.id], now, unsettled=target.fresh) for target in targets
        }
        self._conditions = conditions
        self._absent = expect_absent
        self._troubles: Dict[Collection, Tuple[Trouble, float]] = {}

    def learn(self, news: Sequence[News], now: float) -> None:
        """Take in what was read."""
        for item in news:
            self._note(item, now)
            for target, obj in item.objects.items():
                entry = self.entries[target]
                entry.heard = True
                if obj is not None or not self._finished(entry):
                    entry.obj = obj

    def _note(self, item: News, now: float) -> None:
        if item.trouble is None:
            self._troubles.pop(item.collection, None)
            return
        former, since = self._troubles.get(item.collection, (None, now))
        same = former is not None and former.status == item.trouble.status
        self._troubles[item.collection] = (item.trouble, since if same else now)

    def hear(self, answers: Mapping[ObjectId, Insight]) -> None:
        """Take in what a closer look found."""
        for target, insight in answers.items():
            self.entries[target].insight = insight
            self.entries[target].examined = True

    def judge(self, now: float) -> None:
        """Judge every target anew."""
        for entry in self.entries.values():
            verdict = self._judged(entry, now)
            if entry.verdict.terminal and not verdict.terminal:
                continue  # what ended the wait stays the answer, whatever flaps while it is being explained
            if verdict.status is not entry.verdict.status:
                entry.since = now
            entry.verdict = verdict

    def _judged(self, entry: Entry, now: float) -> Verdict:
        verdict = self._of_object(entry, now)
        if entry.collection not in self._troubles:
            return verdict
        trouble, since = self._troubles[entry.collection]
        if trouble.status == 404:
            return GONE if self._absent else Verdict(Status.NOT_FOUND, trouble.message)
        # What was current a moment ago is not doubted because nobody answers now.
        if verdict.status is Status.CURRENT or verdict is GONE:
            return verdict
        return unreadable(verdict, trouble, now - since)

    def _of_object(self, entry: Entry, now: float) -> Verdict:
        if not entry.heard:
            return UNREAD
        if entry.obj is None:
            return GONE if self._absent else ABSENT
        verdict = self._assessed(entry)
        if self._absent:
            return verdict if verdict.status is Status.TERMINATING else STAYS
        if verdict.status is Status.CURRENT:
            return self._settled(entry, verdict, now)
        entry.unsettled, entry.good_since = True, None
        return entry.patience.weigh(entry.target.id, verdict, entry.insight.cause, now)

    def _assessed(self, entry: Entry) -> Verdict:
        """The rule's verdict, asked for again only when something it depends on is new: every tick comes by here."""
        if entry.obj is not entry.assessed_obj or entry.insight is not entry.assessed_insight:
            entry.assessed_obj, entry.assessed_insight = entry.obj, entry.insight
            entry.assessed = assess(
                entry.obj or {},
                entry.insight.children,
                self._conditions,
                reports_status=entry.insight.reports_status,
            )
        return entry.assessed

    def _settled(self, entry: Entry, verdict: Verdict, now: float) -> Verdict:
        """Believe what became current during the wait when it has stayed so for a moment."""
        if entry.good_since is None:
            entry.good_since = now
        wanted = settling_seconds(entry.obj or {}, entry.patience.crashed) if entry.unsettled else 0.0
        if now - entry.good_since < wanted:
            return Verdict(Status.IN_PROGRESS, "available, and watched for %d s before it is believed" % wanted)
        entry.unsettled = False
        entry.patience.reset()
        return verdict

    def _finished(self, entry: Entry) -> bool:
        """A Job that is removed some time after it completed has done its work."""
        return (
            entry.verdict.status is Status.CURRENT
            and entry.target.id.kind == "Job"
            and number(entry.obj, "spec", "ttlSecondsAfterFinished", default=-1) >= 0
        )

    def done(self, entry: Entry) -> bool:
        """Whether a target is where it should be."""
        return entry.verdict.status is (Status.NOT_FOUND if self._absent else Status.CURRENT)

    @property
    def unfinished(self) -> List[Entry]:
        """The targets that aren't where they should be."""
        return [entry for entry in self.entries.values() if not self.done(entry)]

    @property
    def all_heard(self) -> bool:
        """Whether everything was read at least once, or could not be."""
        return all(entry.heard or entry.collection in self._troubles for entry in self.entries.values())

    @property
    def hopeless(self) -> bool:
        """Whether waiting on can't succeed."""
        return any(entry.verdict.terminal for entry in self.unfinished)

    def puzzling(self) -> Dict[ObjectId, Object]:
        """The objects a closer look might explain; what is to go says itself what holds it."""
        if self._absent:
            return {}
        return {entry.target.id: entry.obj for entry in self.unfinished if entry.obj is not None}

    def look_afresh(self) -> None:
        """Have everything unfinished examined once more: what was found before may be past."""
        for entry in self.unfinished:
            entry.examined = False

    def unexamined(self) -> Dict[ObjectId, Object]:
        """The objects that nobody has looked closer at."""
        return {target: obj for target, obj in self.puzzling().items() if not self.entries[target].examined}

    def undecided(self) -> Dict[ObjectId, Object]:
        """Those of them that can't even be judged without a first closer look."""
        return {target: obj for target, obj in self.unexamined().items() if _needs_look(obj)}


def _needs_look(obj: Object) -> bool:
    if kind_of(obj) == ("", "PersistentVolumeClaim"):
        return True
    return kind_of(obj) not in RULES and not mapping(obj, "status")
