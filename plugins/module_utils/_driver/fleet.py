# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The plans of all hosts as one table for people and one document for programs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _table
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.folding import shortened

SCHEMA_VERSION = 1
HEADINGS = ("host", "now", "wanted", "change", "drain", "reboot", "blocked by / pending")
NAMES = 48
"""Characters for the names of the hosts in one row."""
ROWS, REASONS = 100, 5
"""At most so many rows, and reasons below one: the rest is in the report."""

Entry = Mapping[str, Any]
"""``host`` (its name) with ``plan`` (of driver_plan), or ``error`` (why there is no plan)."""

BLOCKED, FAILED, SKIPPED, PENDING, CHANGE, SAME = "blocked", "failed", "left alone", "pending", "change", "as wanted"
_ORDER = (FAILED, BLOCKED, PENDING, CHANGE, SAME, SKIPPED)


@dataclass(frozen=True)
class Line:
    """What one host's row says beside its name."""

    status: str
    cells: Tuple[str, ...]
    remarks: Tuple[str, ...] = ()


def _on_one_line(text: object) -> str:
    return " ".join(str(text).split())


def line(entry: Entry) -> Line:
    """Put one host's plan in words."""
    plan = entry.get("plan")
    if entry.get("error") or not plan:
        return Line(
            FAILED, ("-", "-", "-", "-", "-", "failed"), (_on_one_line(entry.get("error") or "there is no plan"),)
        )
    now, wanted = _version(plan["now"]), _version(plan["wanted"])
    if plan["blocked"]:
        remarks = tuple(_on_one_line("%(reason)s; %(fix)s" % reason) for reason in plan["blocked"])
        codes = ", ".join(dict.fromkeys(str(reason.get("code") or "blocked") for reason in plan["blocked"]))
        return Line(BLOCKED, (now, wanted, "-", "-", "-", codes), remarks)
    if plan.get("skipped"):
        return Line(SKIPPED, (now, "-", "-", "-", "-", "left alone"), (str(plan["skipped"]),))
    if plan["action"] == "none":
        return Line(SAME, (now, wanted, "none", "no", "no", ""), ())
    cells = (now, wanted, plan["action"], _yes(plan["drain"]), _yes(plan["reboot"]))
    settings = tuple(str(text) for text in plan.get("settings") or ())
    if plan["pending"]:
        return Line(PENDING, (*cells, "pending"), (str(plan["pending"]), *settings))
    return Line(CHANGE, (*cells, ""), settings)


def _version(part: Mapping[str, Any]) -> str:
    number = str(part.get("version") or "") or (str(part["branch"]) + ".*" if part.get("branch") else "")
    return " ".join(filter(None, (number, str(part.get("flavour") or "")))) or "none"


def _yes(value: object) -> str:
    return "yes" if value else "no"


def lines(entries: Sequence[Entry], each: int) -> List[str]:
    """The table. Up to ``each`` hosts have a row each; of more, hosts with the same row share it, and so do reasons."""
    if not entries:
        return ["No GPU hosts."]
    groups: Dict[Tuple[int, str, Tuple[str, ...]], Group] = {}
    for number, entry in enumerate(entries):
        one = line(entry)
        key = (number if len(entries) <= each else 0, one.status, one.cells)
        groups.setdefault(key, Group([], {})).add(str(entry["host"]), one.remarks)
    ordered = sorted(groups.items(), key=lambda item: _ORDER.index(item[0][1]))
    rows = [(shortened(group.names, NAMES), *cells) for (_number, _status, cells), group in ordered[:ROWS]]
    shown = _table.ruled(HEADINGS, rows, [group.reasons() for _key, group in ordered[:ROWS]])
    left = sum(len(group.names) for _key, group in ordered[ROWS:])
    return [*shown, *(["... and %d hosts more: see the report" % left] if left else []), "", summary(entries)]


@dataclass(frozen=True)
class Group:
    """Hosts that share a row, and how many of them say what."""

    names: List[str]
    said: Dict[str, int]

    def add(self, name: str, remarks: Sequence[str]) -> None:
        """Take one more in."""
        self.names.append(name)
        for remark in remarks:
            self.said[remark] = self.said.get(remark, 0) + 1

    def reasons(self) -> List[str]:
        """What most say first; which hosts it is that say what only some do, is in the report."""
        most = sorted(self.said.items(), key=lambda item: -item[1])
        everybody = len(self.names)
        found = [text if count == everybody else "%s (%d of %d)" % (text, count, everybody) for text, count in most]
        rest = len(found) - REASONS
        return [*found[:REASONS], "... and %d other reasons: see the report" % rest] if rest > 0 else found


def summary(entries: Sequence[Entry]) -> str:
    """How many hosts stand where."""
    count = counts(entries)
    changing = [entry["plan"] for entry in entries if line(entry).status in (CHANGE, PENDING)]
    parts = ["%d %s" % (count[status], status) for status in reversed(_ORDER) if count[status]]
    text = "%d host%s: %s" % (len(entries), "" if len(entries) == 1 else "s", ", ".join(parts) or "none")
    drains, reboots = (sum(1 for plan in changing if plan[what]) for what in ("drain", "reboot"))
    return text + ("; %d to drain, %d to reboot" % (drains, reboots) if changing else "")


def counts(entries: Sequence[Entry]) -> Dict[str, int]:
    """Hosts by where they stand."""
    found = dict.fromkeys(_ORDER, 0)
    for entry in entries:
        found[line(entry).status] += 1
    return found


def bad(entries: Sequence[Entry]) -> List[str]:
    """The hosts whose wish can't come true or that couldn't be looked at."""
    return [str(entry["host"]) for entry in entries if line(entry).status in (BLOCKED, FAILED)]


def document(entries: Sequence[Entry], facts: Mapping[str, Any]) -> Dict[str, Any]:
    """The report as JSON. facts: collection_version, started and what else the title says."""
    return {
        "schema_version": SCHEMA_VERSION,
        **facts,
        "ok": not bad(entries),
        "counts": {status.replace(" ", "_"): number for status, number in counts(entries).items()},
        "hosts": [_host(entry) for entry in entries],
    }


def _host(entry: Entry) -> Dict[str, Any]:
    plan = entry.get("plan") or {}
    kept = (
        "now",
        "wanted",
        "action",
        "settings",
        "drain",
        "reload",
        "reboot",
        "blocked",
        "pending",
        "skipped",
        "notes",
    )
    found: Dict[str, Any] = {"host": entry["host"], "status": line(entry).status.replace(" ", "_")}
    found.update((key, plan[key]) for key in kept if key in plan)
    return {**found, "error": str(entry["error"])} if entry.get("error") else found
