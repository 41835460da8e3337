# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Whether the replicas of an Alertmanager take turns fast enough for the groups of its routes.

A replica waits its place in the cluster times the peer timeout before it sends (Alertmanager's
cmd/alertmanager/main.go, clusterWait; 15 s unless said otherwise). Where that is not shorter than a group's interval, a
late replica sends what is already over, notes it as sent, and keeps the next notification back.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._alerts import DURATION
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest

PEER_TIMEOUT, GROUP_INTERVAL = "15s", "5m"
"""Alertmanager's defaults."""

UNITS = (86400, 3600, 60, 1)


def seconds(duration: Any) -> Optional[int]:
    """A duration such as 1h30m in seconds; None where it isn't one, as amtool and the API server tell that better."""
    found = DURATION.match(str(duration))
    if not found:
        return None
    return sum(int(part[:-1]) * unit for part, unit in zip(found.groups(), UNITS) if part)


def errors(manifests: Sequence[Manifest], configs: Sequence[Mapping[str, Any]]) -> List[str]:
    """Name each route whose group interval a late replica outlasts."""
    found: List[str] = []
    for manifest in manifests:
        if manifest.id.kind != "Alertmanager":
            continue
        spec = manifest.body.get("spec") or {}
        replicas, timeout = int(spec.get("replicas") or 1), spec.get("clusterPeerTimeout") or PEER_TIMEOUT
        longest = (replicas - 1) * (seconds(timeout) or 0)
        for config in configs:
            for route, interval in _routes(config.get("route") or {}, GROUP_INTERVAL):
                shortest = seconds(interval)
                if shortest is not None and shortest <= longest:
                    found.append(
                        "%s has a group_interval of %s, and the last of %d replicas sends up to %d s late "
                        "(clusterPeerTimeout %s): it may repeat what is over and keep the next notification back. "
                        "Raise alertmanager_group_interval, or set spec.clusterPeerTimeout by alertmanager_overrides"
                        % (route, interval, replicas, longest, timeout)
                    )
    return found


def _routes(route: Mapping[str, Any], default: str = "") -> Iterator[Tuple[str, str]]:
    """Each route that sets an interval, as it is called in a message; the others take their parent's."""
    interval = str(route.get("group_interval") or default)
    # What always fires is never over.
    if interval and 'alertname="Watchdog"' not in (route.get("matchers") or []):
        yield "the route to %s" % route.get("receiver", "its parent's receiver"), interval
    for child in route.get("routes") or []:
        yield from _routes(child)
