# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One transaction for driver, userland, headers, pins and holds: all of it, or the host as it was."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import Any, Dict, List, NamedTuple, Sequence, Set, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import (
    _dkms,
    _kernels,
    _names,
    _outcome,
    _record,
    _space,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._family import Solution, State
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._job import Job, settings
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    BuildFailure,
    Change,
    PackageError,
)


def present(job: Job) -> Dict[str, Any]:
    """Bring the packages to what is asked.

    Raises PackageError; then the host is as before, or the message says what isn't.
    """
    solution = plan(job, repair=True)
    first = _record.cut_off(job.state_dir)
    if job.check or not (job.result["changed"] or first):
        return job.result
    before = job.family.state()
    changes = list(solution.changes)
    if first:
        # The way back leads to where the transaction that was cut off began.
        changes = _record.joined(first, solution.changes, before.installed)
        before = first.state()
    kept = settings(before, changes)
    if solution.changes:
        _prepare(job, solution)
        _record.write(job.state_dir, _record.RUNNING, changes, kept, job.about)
    job.family.settle(job.request)
    if solution.changes:
        _transact(job, solution, _Way(changes, before))
    job.family.lock(job.request)
    _rebuild(job)
    if changes:
        _record.write(job.state_dir, _record.DONE, changes, kept, job.about)
        job.family.prune(changes)
    elif first:
        # What is wanted now is what there was: the one that was cut off has been gone back from.
        _record.write(job.state_dir, _record.ROLLED_BACK, first.changes, first.settings, job.about)
    return job.result


class _Way(NamedTuple):
    """The way back: what to undo, and the settings before."""

    changes: Sequence[Change]
    before: State


def prepared(job: Job) -> Dict[str, Any]:
    """Download everything and try the build, so that the transaction itself is short. No package is touched."""
    solution = plan(job, repair=False)
    if not job.check and solution.changes:
        _prepare(job, solution)
    job.result["changed"] = False
    return job.result


def plan(job: Job, *, repair: bool) -> Solution:
    """What would change, and whether it may. Repairs first what an earlier run left, unless only looking."""
    family, result = job.family, job.result
    if not job.check:
        family.wait()
    broken = family.broken()
    if not job.check:
        if broken and repair:
            result["repaired"] = family.repair()
        result["notes"] = family.refresh()
        if repair:
            result["repaired"] += ["%s: forgotten" % line for line in _dkms.forget(job.root)]
    else:
        stale = [str(module) for module in _dkms.stale(job.root)]
        result["repaired"] = ["%s would be repaired first" % line for line in [*broken, *stale]]
    solution = _solve(job)
    state = family.state()
    foreign = [name for name in state.held if not _names.is_driver(name)]
    result["changes"] = [change.to_result() for change in solution.changes]
    result["before"] = [{"name": change.name, "version": change.old} for change in solution.changes]
    refused = _names.objections(solution.changes, job.request, foreign, family.compare)
    if refused:
        result["changed"] = bool(result["repaired"]) and not job.check
        raise PackageError("This transaction is refused; nothing was changed.\n- %s" % "\n- ".join(refused), result)
    result["settings"] = family.drift(job.request, solution)
    moved = {change.name for change in solution.changes}
    modules = family.modules([name for name in job.request.names if name not in moved and name in state.installed])
    pairs = _outcome.lacking(job, modules)
    result["rebuild"] = ["%s for %s" % pair for pair in pairs]
    result["changed"] = bool(solution.changes or result["settings"] or pairs or broken or result["repaired"])
    return solution


def _solve(job: Job) -> Solution:
    """The transaction; where headers would bring another kernel along, that without the headers of kernels to come."""
    solution = job.family.solve(job.request)
    releases = _kernels.installed(job.root)
    image = _kernels.brought(solution.changes)
    kept = _kernels.headers_of(job.request.headers, releases)
    if not image or not releases or len(kept) == len(job.request.headers):
        return solution
    narrower = replace(job.request, headers=tuple(kept))
    other = job.family.solve(narrower)
    if _kernels.brought(other.changes):
        return solution
    left = [name for name in job.request.headers if name not in kept]
    job.result["notes"].append(
        "left out, as a driver's change must not bring a kernel (%s): %s. Install it with the next kernel."
        % (", ".join(image), ", ".join(left))
    )
    job.request = narrower
    return other


def _prepare(job: Job, solution: Solution) -> None:
    """All that can fail without having changed anything: space, downloads, a trial build."""
    _space.check_writable(job.root, job.state_dir)
    _space.check(job.root, job.state_dir, with_build=any("dkms" in change.name for change in solution.changes))
    job.result["irreversible"] = job.family.fetch(job.request, solution)
    if not job.prebuild:
        return
    kernels = _dkms.worth_trying(job.root, job.running)
    if not kernels or not _program("dkms", job):
        return
    # One place for every trial: a compiler cache finds its objects again only under the same paths.
    folder = os.path.join(job.state_dir, "build")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o755)
    try:
        pairs = [(module, kernel) for module in job.family.unpack(solution, folder) for kernel in kernels]
        failures = _dkms.trial(job.run, job.root, folder, pairs, job.timeout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if failures:
        job.result["changed"] = False
        raise _outcome.build_error(job, failures, "Tried before the transaction; nothing was changed.")


def _program(name: str, job: Job) -> bool:
    return shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", "")) is not None


def _transact(job: Job, solution: Solution, way: _Way) -> None:
    """Run it and judge it by what is there; on failure go back."""
    old = job.family.modules([change.name for change in solution.changes if change.old])
    never = {(module.name, kernel) for module, kernel in _outcome.lacking(job, old)}
    logs = _dkms.logs(job.root)
    job.result["changed"] = True
    failures: List[BuildFailure] = []
    try:
        done = job.family.apply(job.request, solution)
        failures, off = _outcome.judge(job, solution, done, logs)
        reason = "The packages are not as planned: %s" % "; ".join(off[:10])
        if done.rc != 0:
            reason = "The transaction failed: %s" % done.last_words(5)
        if not failures and not off:
            _dkms.forget(job.root)
            return
    except (PackageError, OSError) as error:
        reason = "The outcome can't be judged: %s" % error
    remains = _back(job, way, never)
    job.result["rolled_back"] = not remains
    job.result["changed"] = bool(remains)
    outcome = "The host is back at the versions before."
    if remains:
        outcome = "Going back did not succeed wholly: %s" % "; ".join(remains)
    if failures:
        raise _outcome.build_error(job, failures, outcome)
    raise PackageError("%s. %s" % (reason, outcome), job.result)


def _back(job: Job, way: _Way, never: Set[Tuple[str, str]]) -> List[str]:
    """Go back; answers what remains. While something does, the record says that the transaction hasn't ended."""
    try:
        remains = job.family.restore(way.changes, way.before)
        _dkms.forget(job.root)
        back = [change.name for change in way.changes if change.old]
        remains += [
            str(failed) for failed in _outcome.built_again(job, back) if (failed.module, failed.kernel) not in never
        ]
        if not remains:
            kept = settings(way.before, way.changes)
            _record.write(job.state_dir, _record.ROLLED_BACK, way.changes, kept, job.about)
    except (PackageError, OSError) as error:
        return [str(error)]
    return remains


def _rebuild(job: Job) -> None:
    """Build modules that are installed as packages and lack their file for a kernel."""
    failures = _outcome.built_again(job, job.request.names)
    if failures:
        raise _outcome.build_error(job, failures, "The packages are installed; only the build lacks.")
