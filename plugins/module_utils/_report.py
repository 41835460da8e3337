# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Evidence about components, as a table for people and as JSON for programs. No I/O but the last function."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterable, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _atomic, _table
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Status

SCHEMA_VERSION = 1
_GOOD = Status.CURRENT.value
_BAD = Status.FAILED.value
_HEADINGS = ("component", "version", "verdict", "checks", "seconds")
_NUMBERS = (3, 4)

Evidence = Dict[str, Any]


def evidence(component: str, version: str, results: Iterable[Mapping[str, Any]], seconds: float = 0.0) -> Evidence:
    """Make one record of the registered results of a component's verification.

    A result with ``objects`` and ``verdict`` is one check (of the objects); one with ``checks`` is those; one that
    failed without either is a failing check of its own. Skipped results say nothing.
    """
    checks: List[Dict[str, Any]] = []
    for result in results:
        if not result.get("skipped"):
            checks.extend(_checks_of(result))
    if not checks:
        checks = [_check("evidence", False, "nothing was checked")]
    verdicts = [str(result["verdict"]) for result in results if result.get("verdict")]
    ok = all(check["ok"] for check in checks)
    bad = next((verdict for verdict in verdicts if verdict != _GOOD), _BAD)
    return {
        "component": component,
        "version": version,
        "verdict": _GOOD if ok else bad,
        "checks": checks,
        "seconds": round(seconds, 1),
    }


def _checks_of(result: Mapping[str, Any]) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = []
    if "verdict" in result and "objects" in result:
        found.append(objects_check(result))
    found += [dict(check) for check in result.get("checks") or []]
    if result.get("failed") and all(check["ok"] for check in found):
        found.append(_check("task", False, str(result.get("msg") or "failed without a message")))
    return found


def objects_check(result: Mapping[str, Any]) -> Dict[str, Any]:
    """Judge the answer of rollout_info: every object is current, and there is at least one."""
    objects = result["objects"]
    late = [item for item in objects if item.get("verdict") != _GOOD]
    if not objects:
        return _check("objects", False, "there are none: was this component rolled out?")
    if not late:
        return _check("objects", True, "%d current" % len(objects))
    reasons = [_sentence(item) for item in late[:3]]
    rest = "; and %d more" % (len(late) - 3) if len(late) > 3 else ""
    return _check("objects", False, "; ".join(reasons) + rest)


def _sentence(item: Mapping[str, Any]) -> str:
    where = "%s/" % item["namespace"] if item.get("namespace") else ""
    reason = ": %s" % item["reason"] if item.get("reason") else ""
    return "%s %s%s is %s%s" % (item.get("kind"), where, item.get("name"), item.get("verdict"), reason)


def _check(name: str, ok: bool, detail: str) -> Dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail, "seconds": 0.0}


def replaced(records: Sequence[Evidence], new: Evidence) -> List[Evidence]:
    """Add a record; an older one of the same component gives way."""
    return [record for record in records if record["component"] != new["component"]] + [new]


def failed(records: Iterable[Evidence]) -> List[str]:
    """Name the components whose evidence does not hold."""
    return [record["component"] for record in records if record["verdict"] != _GOOD]


def table(records: Sequence[Evidence]) -> List[str]:
    """Lay the records out in aligned columns, each failing check on a line of its own below its component."""
    failing = [
        ["%s: %s" % (check["name"], check["detail"]) for check in record["checks"] if not check["ok"]]
        for record in records
    ]
    return _table.ruled(_HEADINGS, [_row(record) for record in records], failing, _NUMBERS)


def _row(record: Evidence) -> Sequence[str]:
    passed = sum(1 for check in record["checks"] if check["ok"])
    return (
        record["component"],
        record["version"] or "-",
        record["verdict"],
        "%d/%d" % (passed, len(record["checks"])),
        "%.1f" % record["seconds"],
    )


def hops(proofs: Iterable[Mapping[str, Any]]) -> List[str]:
    """Say in one line per proof how long each hop took."""
    lines = []
    for proof in proofs:
        steps = ["%s %.1f s" % (hop["name"], hop["seconds"]) for hop in proof.get("hops") or []]
        end = "" if proof.get("ok") else " - stopped at %s" % (proof.get("missing") or "the start")
        lines.append("%s: %s%s" % (proof.get("alertname"), ", ".join(steps) or "no hop", end))
    return lines


def document(
    records: Sequence[Evidence], proofs: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
) -> Dict[str, Any]:
    """Make the JSON report. ``facts``: collection_version, cluster, kubernetes_version, started, seconds."""
    shown = ("alertname", "ok", "hops", "missing", "reason", "restored", "seconds")
    return {
        "schema_version": SCHEMA_VERSION,
        **facts,
        "ok": not failed(records) and all(proof.get("ok") for proof in proofs),
        "components": list(records),
        "proofs": [{key: proof.get(key) for key in shown} for proof in proofs],
    }


def write_atomically(path: str, content: Mapping[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it. Makes the folder."""
    text = json.dumps(content, indent=2, sort_keys=False) + "\n"
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    _atomic.write(path, text.encode("utf-8"))
