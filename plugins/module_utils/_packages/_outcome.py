# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Judging a transaction by what is there after it."""

from __future__ import annotations

from typing import FrozenSet, List, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _dkms
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._family import Solution
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._job import Job
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    BuildFailure,
    Done,
    Module,
    PackageError,
    off,
)


def judge(job: Job, solution: Solution, done: Done, logs: FrozenSet[_dkms.Log]) -> Tuple[List[BuildFailure], List[str]]:
    """The builds that failed, and the packages that are not as planned. ``logs``: those of earlier builds."""
    names = [change.name for change in solution.changes if change.new]
    modules = job.family.modules(names)
    failures = _dkms.failed(job.root, modules, logs, done) if done.rc != 0 else []
    if done.rc != 0 or failures:
        return failures, off_plan(job, solution) or ["ended with %d" % done.rc]
    off = off_plan(job, solution)
    if off:
        return [], off
    for module, kernel in lacking(job, modules):
        failed = _dkms.install(job.run, job.root, module, kernel, job.timeout)
        if failed:
            failures.append(failed)
    return failures, []


def off_plan(job: Job, solution: Solution) -> List[str]:
    """Packages whose version isn't the planned one, and what was left half done."""
    planned = {change.name: change.new for change in solution.changes}
    return off(planned, job.family.state().installed, "planned was") + job.family.broken()


def built_again(job: Job, names: Sequence[str]) -> List[BuildFailure]:
    """Build what lacks of the modules of these packages, as far as they are installed; answers the failures."""
    installed = job.family.state().installed
    modules = job.family.modules([name for name in names if name in installed])
    tried = [_dkms.install(job.run, job.root, *pair, job.timeout) for pair in lacking(job, modules)]
    return [failed for failed in tried if failed]


def lacking(job: Job, modules: Sequence[Module]) -> List[Tuple[Module, str]]:
    return _dkms.lacking(job.root, modules, _dkms.kernels(job.root))


def build_error(job: Job, failures: Sequence[BuildFailure], outcome: str) -> PackageError:
    job.result["compiler_error"] = failures[0].error
    job.result["builds"] = [
        {"module": item.module, "version": item.version, "kernel": item.kernel, "error": item.error, "log": item.log}
        for item in failures
    ]
    return PackageError("%s. %s" % (". ".join(str(item) for item in failures), outcome), job.result)
