# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What a transaction leaves on the host for the way back: a file with the versions and settings before it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _files
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._family import State
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Change, PackageError

NAME = "driver.json"
FORMAT = 1
RUNNING, DONE, ROLLED_BACK = "running", "done", "rolled_back"


@dataclass(frozen=True)
class Record:
    """The last transaction: what it changed, and the settings before it.

    ``outcome`` is ``running`` (it was cut off), ``done`` or ``rolled_back``.
    """

    outcome: str
    changes: Tuple[Change, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    def before(self) -> List[Dict[str, str]]:
        """Each changed package with the version it had; empty for absent."""
        return [{"name": change.name, "version": change.old} for change in self.changes]

    def state(self) -> State:
        """The settings before, as far as a rollback needs them."""
        return State(
            installed={change.name: change.old for change in self.changes if change.old},
            held=tuple(self.settings.get("held") or ()),
            automatic=tuple(self.settings.get("automatic") or ()),
            leftovers=tuple(self.settings.get("leftovers") or ()),
            files=dict(self.settings.get("files") or {}),
        )


def path(folder: str) -> str:
    """Where the record is."""
    return os.path.join(folder, NAME)


def write(
    folder: str, outcome: str, changes: Sequence[Change], settings: Mapping[str, Any], about: Mapping[str, Any]
) -> None:
    """Write it before a transaction, and again when that ended."""
    body = {
        "format": FORMAT,
        "outcome": outcome,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "changes": [change.to_result() for change in changes],
        "settings": dict(settings),
        "about": dict(about),
    }
    _files.put(path(folder), json.dumps(body, indent=2, sort_keys=True) + "\n", mode=0o600, durable=True)


def load(folder: str) -> Record:
    """Read it. Raises PackageError where there is none, or none that can be read."""
    text = _files.read(path(folder))
    if not text:
        raise PackageError("There is nothing to go back to: %s is missing, so no change was recorded." % path(folder))
    try:
        body = json.loads(text)
        changes = tuple(Change(item["name"], item["from"], item["to"]) for item in body["changes"])
        outcome = str(body["outcome"]) if body["format"] == FORMAT else ""
        record = Record(outcome, changes, dict(body.get("settings") or {}), dict(body.get("about") or {}))
        record.state()
        return record
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PackageError(
            "%s can't be read (%s: %s). Give `before` by hand." % (path(folder), type(error).__name__, error)
        ) from error


def cut_off(folder: str) -> Optional[Record]:
    """The record of a transaction that never ended; None where the last one did, or can't be read."""
    try:
        last = load(folder)
    except PackageError:
        return None
    return last if last.outcome == RUNNING else None


def joined(first: Record, changes: Sequence[Change], installed: Mapping[str, str]) -> List[Change]:
    """The changes of a transaction that was cut off, with those that finish it: before is what was before the first."""
    old = {change.name: change.old for change in first.changes}
    new = {change.name: change.new for change in changes}
    before = {**{change.name: change.old for change in changes}, **old}
    both = [Change(name, before[name], new.get(name, installed.get(name, ""))) for name in sorted({*old, *new})]
    return [change for change in both if change.old != change.new]


def about(folder: str, wanted: Mapping[str, Any], now: Mapping[str, Any]) -> Dict[str, Any]:
    """What a record says for people and for the plan of a rollback: what is wanted now, and what there was before.

    Version and flavour before are those of the host (``now``); where they came from is what the last transaction that
    held wanted, if there was one.
    """
    try:
        last = load(folder)
    except PackageError:
        last = Record("", ())
    base = dict(last.about.get("wanted" if last.outcome == DONE else "previous") or {})
    if last.outcome == RUNNING:
        return {"wanted": dict(wanted), "previous": base}
    seen = {key: value for key, value in now.items() if value}
    kept = {key: base[key] for key in ("source", "flavour", "kind") if base.get(key)}
    return {"wanted": dict(wanted), "previous": {**kept, **seen}}
