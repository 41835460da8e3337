# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which nodes of a cluster are in maintenance, whoever left them: a run names them at its end. Pure."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import record
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import condensed, name_of

UNREADABLE = "unreadable"


def of(nodes: Sequence[Object]) -> List[Dict[str, str]]:
    """The nodes in maintenance with ``node``, ``state``, ``since``, ``what`` and ``reason``, by name."""
    return [one for live in sorted(nodes, key=name_of) for one in _told(live)]


def _told(live: Object) -> List[Dict[str, str]]:
    try:
        found = record.of(live)
    except RolloutError as error:
        return [{"node": name_of(live), "state": UNREADABLE, "since": "", "what": "", "reason": str(error)}]
    if found is None:
        return []
    told = {"state": found.state, "since": found.since, "what": found.what, "reason": found.reason}
    return [{"node": name_of(live), **told}]


def lines(clusters: Sequence[Mapping[str, object]]) -> List[str]:
    """The same in words. clusters: ``name`` with ``out`` (as of() gives it), or ``error`` (why nobody knows)."""
    found: List[str] = []
    for cluster in clusters:
        error, out = cluster.get("error"), cluster.get("out")
        if error:
            found.append("Cluster %s didn't say which nodes are out of service: %s" % (cluster["name"], error))
        elif isinstance(out, list) and out:
            found.append("Still out of service in cluster %s:" % cluster["name"])
            found += [_line(one) for one in out]
    return found


def _line(one: Mapping[str, str]) -> str:
    since = " since %s" % one["since"] if one.get("since") else ""
    why = condensed(": ".join(part for part in (one.get("what"), one.get("reason")) if part))
    return "    %s  %s%s%s" % (one["node"], one["state"], since, ": %s" % why if why else "")
