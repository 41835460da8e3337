# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Where a site stands, as a table for people and as JSON for programs. No I/O."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _images, _running, _table
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Status

SCHEMA_VERSION = 1
_HEADINGS = ("component", "running", "wanted", "verdict", "drift", "disturbs")
_GOOD = Status.CURRENT.value
_WOULD_CHANGE = {"created": "would be created", "configured": "would be changed", "deleted": "would be deleted"}
_NOT_THERE = "No record of the component"
_SHOWN_FIELDS = 4
_SHOWN_OBJECTS = 10

Record = Dict[str, Any]


def record(
    component: str,
    wanted: str,
    repositories: Iterable[str],
    info: Mapping[str, Any],
    rollout: Mapping[str, Any],
    *,
    error: str = "",
) -> Record:
    """One component: what runs against what should, the verdict, and what a rerun would change.

    info: result of rollout_info with C(running). rollout: result of rollout in check mode. error: why there is none.
    """
    problem = str(error or (rollout.get("msg") if rollout.get("failed") else "") or "")
    drift = (
        [] if rollout.get("failed") else [_drift(entry) for entry in rollout.get("objects") or () if _changes(entry)]
    )
    late = [entry for entry in info.get("objects") or () if entry.get("verdict") != _GOOD]
    verdict, reasons = str(info.get("verdict") or ""), [_sentence(entry) for entry in late]
    if info.get("failed"):
        message = str(info.get("msg") or "failed without a message")
        verdict = Status.NOT_FOUND.value if message.startswith(_NOT_THERE) else "unknown"
        reasons = ["not rolled out" if verdict == Status.NOT_FOUND.value else message]
    elif not info.get("objects"):
        verdict, reasons = "unknown", ["nothing of it was looked at"]
    running = _running.versions(info.get("running") or (), repositories)
    return {
        "component": component,
        "running": running,
        "wanted": wanted,
        "verdict": verdict,
        "reasons": reasons,
        "drift": drift,
        "compared": not problem and bool(rollout.get("objects")),
        "problem": problem,
        "images": list(info.get("running") or ()),
        "lease": str(info.get("lease") or ""),
        "wrong": _wrong(verdict, running, wanted, drift, problem),
    }


def site_images(images: Iterable[str], transform: Mapping[str, Any]) -> List[str]:
    """Where the lock's images come from at this site."""
    mirror, overrides = str(transform.get("image_mirror") or ""), transform.get("image_overrides") or {}
    return [_images.resolve(image, mirror, overrides) for image in images]


def _wrong(verdict: str, running: Sequence[str], wanted: str, drift: Sequence[Any], problem: str) -> List[str]:
    """Why a component isn't as the inventory says, in a word each."""
    wrong = [] if verdict == _GOOD else [verdict.replace("_", " ")]
    if running and wanted and list(running) != [wanted]:
        wrong.append("version")
    if drift:
        wrong.append("drift")
    if problem:
        wrong.append("not compared")
    return wrong


def _changes(entry: Mapping[str, Any]) -> bool:
    return entry.get("change") in _WOULD_CHANGE


def _drift(entry: Mapping[str, Any]) -> Record:
    keys = ("api_version", "kind", "namespace", "name", "change", "effect")
    return {**{key: str(entry.get(key) or "") for key in keys}, "fields": list(entry.get("fields") or ())}


def _name(entry: Mapping[str, Any]) -> str:
    where = "%s/" % entry["namespace"] if entry.get("namespace") else ""
    return "%s %s%s" % (entry.get("kind"), where, entry.get("name"))


def _sentence(entry: Mapping[str, Any]) -> str:
    reason = ": %s" % entry["reason"] if entry.get("reason") else ""
    return "%s is %s%s" % (_name(entry), str(entry.get("verdict")).replace("_", " "), reason)


def table(records: Sequence[Record]) -> List[str]:
    """Aligned columns; below each component what is to be said about it."""
    return _table.ruled(_HEADINGS, [_row(entry) for entry in records], [_remarks(entry) for entry in records])


def _row(entry: Record) -> Sequence[str]:
    disturbs = sum(1 for one in entry["drift"] if one["effect"])
    return (
        entry["component"],
        ", ".join(entry["running"]) or "-",
        entry["wanted"] or "-",
        entry["verdict"].replace("_", " "),
        (str(len(entry["drift"])) if entry["drift"] else "none") if entry["compared"] else "unknown",
        str(disturbs) if disturbs else "-",
    )


def _remarks(entry: Record) -> List[str]:
    remarks = _few(list(entry["reasons"]))
    if entry["problem"]:
        lines = entry["problem"].splitlines()
        remarks.append("not compared: %s" % lines[0])
        remarks += _few(["  " + line for line in lines[1:]])
    remarks += _few([_pending(one) for one in entry["drift"]])
    if entry["lease"]:
        remarks.append("held by %s" % entry["lease"])
    return remarks


def _few(lines: List[str]) -> List[str]:
    left = len(lines) - _SHOWN_OBJECTS
    return lines if left <= 0 else [*lines[:_SHOWN_OBJECTS], "and %d more" % left]


def _pending(one: Mapping[str, Any]) -> str:
    text = "%s %s" % (_name(one), _WOULD_CHANGE[one["change"]])
    if one["fields"]:
        more = len(one["fields"]) - _SHOWN_FIELDS
        text += ": %s%s" % (", ".join(one["fields"][:_SHOWN_FIELDS]), " and %d more" % more if more > 0 else "")
    return "%s (%s)" % (text, one["effect"]) if one["effect"] and one["change"] != "deleted" else text


def document(records: Sequence[Record], problem: str, facts: Mapping[str, Any]) -> Dict[str, Any]:
    """The JSON report. facts: collection_version, cluster, kubernetes_version, started, seconds."""
    return {
        "schema_version": SCHEMA_VERSION,
        **facts,
        "ok": not problem and bool(records) and not any(entry["wrong"] for entry in records),
        "problem": problem,
        "components": list(records),
    }


def summary(records: Sequence[Record]) -> str:
    """The components that are not as the inventory says, and why; empty where all are."""
    return ", ".join("%s (%s)" % (entry["component"], ", ".join(entry["wrong"])) for entry in records if entry["wrong"])
