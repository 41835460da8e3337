# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Job, CronJob."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Verdict
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import (
    Table,
    conditions,
    current,
    dig,
    hopeless,
    in_progress,
    number,
    plural,
)


def job(obj: Object, children: Sequence[Object]) -> Verdict:
    """Complete, or suspended as asked."""
    found = conditions(obj)
    for name in ("Failed", "FailureTarget"):
        condition = found.get(name)
        if condition and condition.true:
            return hopeless(condition.said or "failed")
    for name in ("Complete", "SuccessCriteriaMet"):
        condition = found.get(name)
        if condition and condition.true:
            return current("complete")
    if dig(obj, "spec", "suspend") is True:
        return current("suspended, as spec.suspend asks")
    if not found and not dig(obj, "status", "startTime"):
        return in_progress("the job controller has not started it yet")
    done, wanted = number(obj, "status", "succeeded"), number(obj, "spec", "completions", default=1)
    state = "%d of %s done, %d running" % (done, plural(wanted, "completion"), number(obj, "status", "active"))
    lost = number(obj, "status", "failed")
    return in_progress(state + (", %s failed so far" % plural(lost, "pod") if lost else ""))


def cron_job(obj: Object, children: Sequence[Object]) -> Verdict:
    """A schedule is current as soon as it exists; what it starts is judged as Jobs."""
    return current("suspended, as spec.suspend asks" if dig(obj, "spec", "suspend") is True else "")


RULES: Table = {
    ("batch", "Job"): job,
    ("batch", "CronJob"): cron_job,
}
