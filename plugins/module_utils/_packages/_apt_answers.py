# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Reading what apt says: a simulated transaction, and which versions its repositories have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Change,
    Request,
    Versions,
    Wanted,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._versions import (
    compare,
    newest_first,
)

_STEP = re.compile(r"^(Inst|Remv|Purg) (\S+)(?: \[([^\]]*)\])?(?: \((\S+)[^)]*\))?")
_VERSION = re.compile(r"^ (?:\*\*\*|   ) (\S+)(?: -?\d+)?(?: .*)?$")
_SOURCE = re.compile(r"^ +-?\d+ (\S+ \S+ .*)$")
SHOWN = 5


@dataclass(frozen=True)
class Policy:
    """What apt knows of one package: the version it would take (empty for none), and all that it could."""

    candidate: str
    versions: Tuple[str, ...]


def changes(simulation: str, installed: Mapping[str, str]) -> List[Change]:
    """The transaction that ``apt-get -s`` printed; a package installed again in the same version is no change."""
    found: Dict[str, Change] = {}
    for line in simulation.splitlines():
        step = _STEP.match(line)
        if not step:
            continue
        verb, name, old, new = step.groups()
        before = old or installed.get(name, "")
        after = new or "" if verb == "Inst" else ""
        known = found.get(name)
        found[name] = Change(name, known.old if known else before, after)
    return sorted((item for item in found.values() if item.old != item.new), key=lambda item: item.name)


def policies(text: str) -> Dict[str, Policy]:
    """Packages of ``apt-cache policy NAME...``; one that apt has never heard of is missing."""
    found: Dict[str, Policy] = {}
    name, candidate = "", ""
    versions: List[str] = []
    for line in [*text.splitlines(), "end:"]:
        if line and not line.startswith(" ") and line.endswith(":"):
            if name:
                found[name] = Policy(candidate, tuple(versions))
            name, candidate, versions = line[:-1], "", []
        elif line.startswith("  Candidate: "):
            value = line.partition(": ")[2].strip()
            candidate = "" if value == "(none)" else value
        else:
            version = _VERSION.match(line)
            if version and name:
                versions.append(version.group(1))
    return found


def repositories(text: str) -> List[str]:
    """The repositories of ``apt-cache policy``, each once, as ``uri suite/component``."""
    found: Dict[str, None] = {}
    for line in text.splitlines():
        source = _SOURCE.match(line)
        if source:
            found[" ".join(source.group(1).split()[:2])] = None
    return list(found)


def unavailable(request: Request, known: Mapping[str, Policy], names: Sequence[str]) -> List[str]:
    """What of the wanted packages can't be had, one line each, with what could be had instead.

    Args:
        request: What is asked for.
        known: Answers of ``apt-cache policy``.
        names: All package names that apt knows, for names that are nearly right.
    """
    asked = [*request.install, *(Wanted(name) for name in request.headers)]
    return [line for wanted in asked for line in [_lacking(wanted, known.get(wanted.name), names)] if line]


def _lacking(wanted: Wanted, policy: Optional[Policy], names: Sequence[str]) -> str:
    if policy is None or not policy.versions:
        close = get_close_matches(wanted.name, names, SHOWN, 0.75)
        return "%s: no repository has it%s" % (wanted.name, "; near names: " + ", ".join(close) if close else "")
    if not wanted.version:
        have = ", ".join(newest_first(policy.versions)[:SHOWN])
        return "" if policy.candidate else "%s: the pins leave no version (there is %s)" % (wanted.name, have)
    if best(wanted.version, policy.versions):
        return ""
    return "%s: no version %s; there is %s" % (wanted.name, wanted.version, nearest(wanted.version, policy.versions))


def best(version: str, versions: Iterable[str]) -> str:
    """The newest version that a wanted version (which may be a glob) means; empty where there is none."""
    fitting = newest_first(item for item in versions if item == version or fnmatchcase(item, version))
    return fitting[0] if fitting else ""


def nearest(version: str, versions: Iterable[str]) -> str:
    """The versions next to a wanted one, newest first."""
    ordered = newest_first(versions)
    above = [item for item in ordered if compare(item, version.rstrip("*.")) > 0]
    below = ordered[len(above) :]
    return ", ".join([*above[-2:], *below[: SHOWN - 2]])


def resolved(request: Request, known: Mapping[str, Policy]) -> Versions:
    """The exact version that each wanted package will have."""
    exact = {
        wanted.name: best(wanted.version, known[wanted.name].versions)
        if wanted.version
        else known[wanted.name].candidate
        for wanted in request.install
    }
    return {**exact, **{name: known[name].candidate for name in request.headers}}
