# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Going back to the packages before the last transaction, or to versions that are given."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _outcome, _record
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._job import Job
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Change,
    PackageError,
    Wanted,
)


def rolled_back(job: Job, targets: Sequence[Wanted] = ()) -> Dict[str, Any]:
    """Go back to the versions before the last transaction, or to those given (an empty version means absent).

    Raises PackageError before anything is changed where a version can't be had any more.
    """
    recorded = None if targets else _record.load(job.state_dir)
    versions = {item.name: item.version for item in targets}
    if recorded:
        versions = {change.name: change.old for change in recorded.changes}
    if not job.check:
        job.family.wait()  # what is there is only known once nobody moves it any more
    state = job.family.state()
    changes = [Change(name, old, state.installed.get(name, "")) for name, old in sorted(versions.items())]
    changes = [change for change in changes if change.old != change.new]
    job.result["changes"] = [Change(change.name, change.new, change.old).to_result() for change in changes]
    job.result["changed"] = bool(changes or job.family.broken())
    if job.check or not job.result["changed"]:
        return job.result
    lost = job.family.obtain({change.name: change.old for change in changes if change.old})
    if lost:
        raise PackageError(
            "Can't go back: %s can't be had any more, neither from %s nor from a repository. Nothing was changed."
            % (", ".join(lost), job.state_dir),
            {**job.result, "changed": False},
        )
    remains = job.family.restore(changes, recorded.state() if recorded else state)
    if remains:
        raise PackageError("Going back did not succeed wholly: %s" % "; ".join(remains), job.result)
    if recorded:
        _record.write(job.state_dir, _record.ROLLED_BACK, recorded.changes, recorded.settings, recorded.about)
    job.result["rolled_back"] = True
    failures = _outcome.built_again(job, list(versions))
    if failures:
        raise _outcome.build_error(job, failures, "The packages are back; only the build lacks.")
    return job.result
