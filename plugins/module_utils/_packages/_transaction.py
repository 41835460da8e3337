# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One transaction for driver, userland, headers, pins and holds: all of it, or the host as it was."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import (
    _dkms,
    _names,
    _record,
    _space,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._family import (
    Family,
    Solution,
    State,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    BuildFailure,
    Change,
    Done,
    Module,
    PackageError,
    Request,
    Runner,
    Wanted,
)


@dataclass
class Job:
    """One run of the module.

    Attributes:
        family: The package manager.
        run: Runs a command.
        root: Where the host's files are.
        state_dir: Folder of the record and of downloaded packages.
        request: What shall be.
        check: Only look.
        prebuild: Try the build before anything is changed.
        running: Release of the running kernel.
        timeout: Seconds for one build, and for one run of the package manager.
        about: What the record says for people: wanted and previous version, source, flavour and kind.
    """

    family: Family
    run: Runner
    root: str
    state_dir: str
    request: Request
    check: bool = False
    prebuild: bool = True
    running: str = ""
    timeout: float = 3600
    about: Dict[str, Any] = field(default_factory=dict)
    result: Dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.result = {
            "changed": False,
            "changes": [],
            "settings": [],
            "rebuild": [],
            "repaired": [],
            "rolled_back": False,
            "compiler_error": "",
            "builds": [],
            "before": [],
            "irreversible": [],
            "record": _record.path(self.state_dir),
        }


def present(job: Job) -> Dict[str, Any]:
    """Bring the packages to what is asked.

    Raises PackageError; then the host is as before, or the message says what isn't.
    """
    solution = plan(job, repair=True)
    if job.check or not job.result["changed"]:
        return job.result
    before = job.family.state()
    if solution.changes:
        _prepare(job, solution)
        _record.write(job.state_dir, "running", solution.changes, _settings(before, solution.changes), job.about)
    job.family.settle(job.request)
    if solution.changes:
        _transact(job, solution, before)
    _rebuild(job)
    job.family.lock(job.request)
    if solution.changes:
        _record.write(job.state_dir, "done", solution.changes, _settings(before, solution.changes), job.about)
        job.family.prune(solution.changes)
    return job.result


def rolled_back(job: Job, targets: Sequence[Wanted] = ()) -> Dict[str, Any]:
    """Go back to the versions before the last transaction, or to those given (an empty version means absent).

    Raises PackageError before anything is changed where a version can't be had any more.
    """
    recorded = None if targets else _record.load(job.state_dir)
    versions = {item.name: item.version for item in targets}
    if recorded:
        versions = {change.name: change.old for change in recorded.changes}
    state = job.family.state()
    changes = [Change(name, old, state.installed.get(name, "")) for name, old in sorted(versions.items())]
    changes = [change for change in changes if change.old != change.new]
    job.result["changes"] = [Change(change.name, change.new, change.old).to_result() for change in changes]
    job.result["changed"] = bool(changes or job.family.broken())
    if job.check or not job.result["changed"]:
        return job.result
    job.family.wait()
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
        _record.write(job.state_dir, "rolled_back", recorded.changes, recorded.settings, recorded.about)
    job.result["rolled_back"] = True
    _rebuild(job, list(versions))
    return job.result


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
    broken = family.broken()
    if not job.check:
        family.wait()
        if broken and repair:
            result["repaired"] = family.repair()
        family.refresh(job.request)
    elif broken:
        result["repaired"] = ["%s would be repaired first" % line for line in broken]
    solution = family.solve(job.request)
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
    pairs = _dkms.lacking(job.root, modules, _dkms.kernels(job.root))
    result["rebuild"] = ["%s for %s" % pair for pair in pairs]
    result["changed"] = bool(solution.changes or result["settings"] or pairs or broken)
    return solution


def _settings(before: State, changes: Sequence[Change]) -> Dict[str, Any]:
    """The part of the state before that a rollback needs."""
    names = {change.name for change in changes}
    body = before.to_json()
    body["automatic"] = [name for name in before.automatic if name in names]
    body["leftovers"] = [name for name in before.leftovers if name in names]
    return body


def _prepare(job: Job, solution: Solution) -> None:
    """All that can fail without having changed anything: space, downloads, a trial build."""
    _space.check(job.root, job.state_dir, with_build=any("dkms" in change.name for change in solution.changes))
    job.result["irreversible"] = job.family.fetch(job.request, solution)
    if not job.prebuild:
        return
    kernels = _dkms.worth_trying(job.root, job.running)
    if not kernels or not _program("dkms", job):
        return
    folder = tempfile.mkdtemp(prefix="build-", dir=job.state_dir)
    try:
        pairs = [(module, kernel) for module in job.family.unpack(solution, folder) for kernel in kernels]
        failures = _dkms.trial(job.run, job.root, folder, pairs, job.timeout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if failures:
        job.result["changed"] = False
        raise _build_error(job, failures, "Tried before the transaction; nothing was changed.")


def _program(name: str, job: Job) -> bool:
    return shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", "")) is not None


def _transact(job: Job, solution: Solution, before: State) -> None:
    """Run it and judge it by what is there; on failure go back."""
    started = time.time() - 1
    done = job.family.apply(job.request, solution)
    job.result["changed"] = True
    modules, failures, off = _judge(job, solution, done, started)
    if not failures and not off:
        return
    reason = "; ".join(str(item) for item in failures) or "the packages are not as planned: %s" % "; ".join(off[:10])
    remains = job.family.restore(solution.changes, before)
    _sweep(job, modules)
    job.result["rolled_back"] = not remains
    job.result["changed"] = bool(remains)
    _record.write(job.state_dir, "rolled_back", solution.changes, _settings(before, solution.changes), job.about)
    outcome = "The host is back at the versions before."
    if remains:
        outcome = "Going back did not succeed wholly: %s" % "; ".join(remains)
    if failures:
        raise _build_error(job, failures, outcome)
    raise PackageError("%s. %s" % (reason, outcome), job.result)


def _judge(
    job: Job, solution: Solution, done: Done, started: float
) -> Tuple[List[Module], List[BuildFailure], List[str]]:
    """The modules of the new packages, the builds that failed, and packages that are not as planned."""
    names = [change.name for change in solution.changes if change.new]
    modules = job.family.modules(names)
    failures = _dkms.failures_since(job.root, modules, started, done) if done.rc != 0 else []
    if done.rc != 0 or failures:
        return modules, failures, off_plan(job, solution) or [_said(done)]
    off = off_plan(job, solution)
    if off:
        return modules, [], off
    for module, kernel in _dkms.lacking(job.root, modules, _dkms.kernels(job.root)):
        failed = _dkms.install(job.run, job.root, module, kernel, job.timeout)
        if failed:
            failures.append(failed)
    return modules, failures, []


def off_plan(job: Job, solution: Solution) -> List[str]:
    """Packages whose version isn't the planned one, and what was left half done."""
    installed = job.family.state().installed
    wrong = [
        "%s is %s, planned was %s" % (change.name, installed.get(change.name) or "absent", change.new or "absent")
        for change in solution.changes
        if installed.get(change.name, "") != change.new
    ]
    return wrong + job.family.broken()


def _said(done: Done) -> str:
    lines = [line.strip() for line in done.text.splitlines() if line.strip()]
    return "the package manager ended with %d: %s" % (done.rc, "; ".join(lines[-5:]))


def _sweep(job: Job, modules: Sequence[Module]) -> None:
    """Remove the build folders of modules whose source is gone again."""
    for module in modules:
        source = os.path.join(job.root, "usr/src/%s-%s" % (module.name, module.version))
        if not os.path.isdir(source):
            shutil.rmtree(os.path.join(job.root, _dkms.TREE, module.name, module.version), ignore_errors=True)


def _rebuild(job: Job, names: Sequence[str] = ()) -> None:
    """Build modules that are installed as packages and lack their file for a kernel."""
    installed = job.family.state().installed
    names = [name for name in names or job.request.names if name in installed]
    failures = [
        failed
        for module, kernel in _dkms.lacking(job.root, job.family.modules(names), _dkms.kernels(job.root))
        for failed in [_dkms.install(job.run, job.root, module, kernel, job.timeout)]
        if failed
    ]
    if failures:
        raise _build_error(job, failures, "The packages are installed; only the build lacks.")


def _build_error(job: Job, failures: Sequence[BuildFailure], outcome: str) -> PackageError:
    job.result["compiler_error"] = failures[0].error
    job.result["builds"] = [
        {"module": item.module, "version": item.version, "kernel": item.kernel, "error": item.error, "log": item.log}
        for item in failures
    ]
    return PackageError("%s. %s" % (". ".join(str(item) for item in failures), outcome), job.result)
