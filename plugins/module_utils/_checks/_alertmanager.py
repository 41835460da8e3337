# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Decisions over the answers of Alertmanager's HTTP API (v2). No I/O."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._prometheus import matches
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._result import Check, shortened


def cluster(status: Any, peers: int) -> Check:
    """Judge /api/v2/status: gossip has settled with at least this many members. A single one runs no cluster."""
    state = _dict(_dict(status).get("cluster"))
    members = state.get("peers") or []
    settled = state.get("status") in (("ready", "disabled") if peers <= 1 else ("ready",))
    detail = "%s, %d of %d peers" % (state.get("status", "no status"), len(members), peers)
    return Check("cluster", settled and (peers <= 1 or len(members) >= peers), detail)


def version(status: Any, expected: str = "") -> Check:
    """Judge /api/v2/status: the running version."""
    found = str(_dict(_dict(status).get("versionInfo")).get("version", "unknown"))
    ok = expected in ("", found)
    return Check("version", ok, found if ok else "%s, expected %s" % (found, expected))


def receivers(answer: Any, expected: Sequence[str]) -> Check:
    """Judge /api/v2/receivers: those named are configured, and there is at least one."""
    found = [str(_dict(item).get("name", "")) for item in answer or []] if isinstance(answer, list) else []
    missing = [name for name in expected if name not in found]
    if missing:
        return Check(
            "receivers", False, "missing: %s (it has %s)" % (shortened(missing), shortened(found, 8) or "none")
        )
    return Check("receivers", bool(found), shortened(found, 8) or "none")


def heartbeat(answer: Any, alertname: str) -> Check:
    """Judge /api/v2/alerts: the always-firing alert has arrived, so Prometheus reaches this Alertmanager."""
    found = with_labels(answer, alertname, {})
    detail = "%d from Prometheus" % len(found) if found else "not received; does Prometheus reach Alertmanager?"
    return Check("alert %s" % alertname, bool(found), detail)


def with_labels(answer: Any, alertname: str, labels: Mapping[str, str]) -> List[Mapping[str, Any]]:
    """Pick the alerts of a name that carry all the labels."""
    alerts = answer if isinstance(answer, list) else []
    return [alert for alert in alerts if isinstance(alert, dict) and matches(alert, alertname, labels)]


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
