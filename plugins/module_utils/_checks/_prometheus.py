# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Decisions over the answers of Prometheus' HTTP API. No I/O: each function reads decoded JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._result import Check, shortened
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._rule_objects import Rule

Answer = Any
"""A decoded body, None where it was not JSON."""


@dataclass(frozen=True)
class Job:
    """A scrape job that must have at least ``minimum`` targets, all up."""

    name: str
    minimum: int = 1


def data_of(answer: Answer) -> Dict[str, Any]:
    """Return the data of a successful answer; raises ValueError with Prometheus' own error otherwise."""
    body = answer if isinstance(answer, dict) else {"error": "the answer is not Prometheus API JSON"}
    if body.get("status") != "success":
        raise ValueError(str(body.get("error") or "the answer has no status success"))
    data = body.get("data")
    return data if isinstance(data, dict) else {}


def targets(
    answer: Answer, jobs: Sequence[Job], may_be_down: Iterable[str] = (), only_named: bool = False
) -> List[Check]:
    """Judge /api/v1/targets?state=active: one check per wanted job, and one for all other targets."""
    active: List[Mapping[str, Any]] = data_of(answer).get("activeTargets") or []
    by_job: Dict[str, List[Mapping[str, Any]]] = {}
    for target in active:
        by_job.setdefault(_job(target), []).append(target)
    checks = [_job_check(job, by_job.get(job.name, []), sorted(by_job)) for job in jobs]
    if only_named:
        return checks
    named = {job.name for job in jobs} | set(may_be_down)
    return checks + [_others_check([target for target in active if _job(target) not in named])]


def _job_check(job: Job, found: Sequence[Mapping[str, Any]], known: Sequence[str]) -> Check:
    name = "targets of job %s" % job.name
    up = [target for target in found if target.get("health") == "up"]
    if not found:
        return Check(name, False, "no target; jobs that have some: %s" % (shortened(known, 12) or "none"))
    if len(up) < len(found):
        return Check(name, False, shortened([_why_down(target) for target in found if target not in up]))
    if len(up) < job.minimum:
        return Check(name, False, "%d up, %d expected" % (len(up), job.minimum))
    return Check(name, True, "%d up" % len(up))


def _others_check(others: Sequence[Mapping[str, Any]]) -> Check:
    down = [_why_down(target) for target in others if target.get("health") != "up"]
    if down:
        return Check("other targets", False, shortened(down))
    return Check("other targets", True, "%d up" % len(others))


def _job(target: Mapping[str, Any]) -> str:
    return str((target.get("labels") or {}).get("job", ""))


def _why_down(target: Mapping[str, Any]) -> str:
    reason = target.get("lastError") or "not scraped yet"
    return "%s of job %s is %s: %s" % (target.get("scrapeUrl", "?"), _job(target), target.get("health", "?"), reason)


def rules(answer: Answer, wanted: Sequence[Rule], alerts: Sequence[str] = (), only_named: bool = False) -> List[Check]:
    """Judge /api/v1/rules: what must be loaded is, and it (or everything loaded) evaluates without error."""
    groups: List[Mapping[str, Any]] = data_of(answer).get("groups") or []
    every = [((str(group.get("name")), str(rule.get("name"))), rule) for group in groups for rule in group["rules"]]
    loaded = {key for key, _rule in every}
    alerting = {name for (_group, name), rule in every if rule.get("type") == "alerting"}
    absent = ["%s of group %s" % (name, group) for group, name in wanted if (group, name) not in loaded]
    absent += ["alert %s" % name for name in alerts if name not in alerting]
    judged = [rule for key, rule in every if not only_named or key in wanted or key[1] in alerts]
    sick = [_why_sick(rule) for rule in judged if rule.get("health") != "ok"]
    present = "%d of %d" % (len(wanted) + len(alerts) - len(absent), len(wanted) + len(alerts))
    return [
        Check("rules loaded", not absent, "missing: %s" % shortened(absent, 6) if absent else present),
        Check("rules evaluate", not sick, shortened(sick) or "%d without error" % len(judged)),
    ]


def _why_sick(rule: Mapping[str, Any]) -> str:
    return "%s is %s: %s" % (rule.get("name"), rule.get("health"), rule.get("lastError") or "not evaluated yet")


def alertmanagers(answer: Answer, expected: int) -> Check:
    """Judge /api/v1/alertmanagers: as many discovered as expected, none dropped for want of a match."""
    active = data_of(answer).get("activeAlertmanagers") or []
    return Check("alertmanagers discovered", len(active) >= expected, "%d of %d" % (len(active), expected))


def reload(answer: Answer) -> Check:
    """Judge /api/v1/status/runtimeinfo: the configuration in the files is the one in use."""
    data = data_of(answer)
    ok = data.get("reloadConfigSuccess") is True
    when = data.get("lastConfigTime", "unknown")
    return Check("configuration reload", ok, "last good reload %s" % when if ok else "failed; last good one %s" % when)


def version(answer: Answer, expected: str = "") -> Check:
    """Judge /api/v1/status/buildinfo."""
    found = str(data_of(answer).get("version", "unknown"))
    return Check(
        "version", expected in ("", found), found if expected in ("", found) else "%s, expected %s" % (found, expected)
    )


def series(answer: Answer, name: str) -> Check:
    """Judge /api/v1/query: the expression returns something."""
    found = data_of(answer).get("result") or []
    return Check("series %s" % name, bool(found), "%d series" % len(found) if found else "no data")


def alerts_matching(answer: Answer, name: str, labels: Mapping[str, str]) -> List[Mapping[str, Any]]:
    """Pick from /api/v1/alerts the instances of an alert that carry all the labels."""
    return [alert for alert in data_of(answer).get("alerts") or [] if matches(alert, name, labels)]


def matches(alert: Mapping[str, Any], name: str, labels: Mapping[str, str]) -> bool:
    """Whether an alert (Prometheus', Alertmanager's or a webhook's) has the name and carries all the labels."""
    have = alert.get("labels") or {}
    return have.get("alertname") == name and all(have.get(key) == value for key, value in labels.items())
