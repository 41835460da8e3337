# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""How a run ended for every GPU host, as one table for people and one document for programs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _table
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import fleet
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.folding import shortened

SCHEMA_VERSION = 1
HEADINGS = ("host", "before", "now", "result", "node")
DONE, FAILED, BUSY, NOT_BEGUN, HELD = "done", "failed", "busy", "not begun", "held"
_ORDER = (FAILED, HELD, fleet.BLOCKED, NOT_BEGUN, BUSY, fleet.PENDING, DONE, fleet.SAME, fleet.SKIPPED)
_BAD = frozenset({FAILED, HELD, fleet.BLOCKED, NOT_BEGUN})
_OUTCOMES = {"done": DONE, "failed": FAILED, "busy": BUSY, "not_begun": NOT_BEGUN}
_INTERRUPTED = "the run ended in the middle of this host; run again, it goes on from there"
_HELD = "its node is still cordoned by an earlier run, and this one can't go on with it: %s"

Entry = Mapping[str, Any]
"""``host`` with ``plan`` or ``error``, ``way`` (where the plan sent it) and ``outcome`` ({} where it wasn't begun)."""


@dataclass(frozen=True)
class Ended:
    """One host's row beside its name."""

    status: str
    before: str
    now: str
    node: str
    remark: str


def ended(entry: Entry) -> Ended:
    """Where one host stands at the end."""
    plan, outcome = entry.get("plan"), entry.get("outcome") or {}
    line = fleet.line(entry)
    before = line.cells[0]
    if not plan or entry.get("error"):
        node = "cordoned" if entry.get("way") == "held" else ""
        return Ended(FAILED, before, before, node, str(entry.get("error") or "there is no plan"))
    node = "cordoned" if outcome.get("cordoned") else ""
    state, said = str(outcome.get("state") or ""), str(outcome.get("detail") or "")
    if state == "done":
        now = " ".join(filter(None, (str(outcome.get("version") or ""), str(plan["wanted"].get("flavour") or ""))))
        return Ended(DONE, before, now or before, "released" if outcome.get("released") else "", said)
    if state == "failed":
        step = str(outcome.get("step") or "")
        return Ended(FAILED, before, "?" if node else before, node, ": ".join(filter(None, (step, said))))
    if state in _OUTCOMES:
        return Ended(_OUTCOMES[state], before, before, node, said)
    if entry.get("way") == "held":
        why = "; ".join(line.remarks) or line.status
        return Ended(HELD, before, before, "cordoned", _HELD % why)
    if state or line.status == fleet.CHANGE:
        return Ended(NOT_BEGUN, before, before, node, _INTERRUPTED if state else "the run ended before this host")
    return Ended(line.status, before, before, "", "; ".join(line.remarks))


def lines(entries: Sequence[Entry]) -> List[str]:
    """The table: a row for each host that something is to be said of, and those with the same row in one."""
    groups: Dict[Ended, List[str]] = {}
    for entry in entries:
        groups.setdefault(ended(entry), []).append(str(entry["host"]))
    ordered = sorted(groups.items(), key=lambda group: _ORDER.index(group[0].status))
    rows: List[Tuple[str, ...]] = [
        (shortened(names, fleet.NAMES), one.before, one.now, one.status, one.node) for one, names in ordered
    ]
    shown = _table.ruled(HEADINGS, rows, [[one.remark] if one.remark else [] for one, _names in ordered])
    return [*shown, "", summary(entries)]


def counts(entries: Sequence[Entry]) -> Dict[str, int]:
    """Hosts by how they ended."""
    found = dict.fromkeys(_ORDER, 0)
    for entry in entries:
        found[ended(entry).status] += 1
    return found


def summary(entries: Sequence[Entry]) -> str:
    """How many ended how."""
    found = counts(entries)
    parts = ["%d %s" % (found[status], status) for status in reversed(_ORDER) if found[status]]
    return "%d host%s: %s" % (len(entries), "" if len(entries) == 1 else "s", ", ".join(parts))


def bad(entries: Sequence[Entry]) -> List[str]:
    """The hosts for which a run counts as failed. To wait for consent, or for work on a node in service, is none."""
    return [str(entry["host"]) for entry in entries if _bad(ended(entry))]


def _bad(one: Ended) -> bool:
    return one.status in _BAD or (one.status == BUSY and bool(one.node))


def document(entries: Sequence[Entry], facts: Mapping[str, Any]) -> Dict[str, Any]:
    """The same as JSON."""
    found = [(str(entry["host"]), ended(entry)) for entry in entries]
    return {
        "schema_version": SCHEMA_VERSION,
        **facts,
        "ok": not bad(entries),
        "counts": {status.replace(" ", "_"): number for status, number in counts(entries).items()},
        "hosts": [
            {
                "host": host,
                "status": one.status.replace(" ", "_"),
                "before": one.before,
                "now": one.now,
                "node": one.node,
                "detail": one.remark,
            }
            for host, one in found
        ],
    }
