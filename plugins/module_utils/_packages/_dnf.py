# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The driver's packages on RHEL, Rocky and their kin (dnf 4)."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import (
    _dkms,
    _dnf_api,
    _files,
    _locks,
    _names,
    _repository,
    _rpm_versions,
    _versionlock,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._family import Solution, State
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Change,
    Done,
    Module,
    PackageError,
    Request,
    Runner,
    off,
)

MODULE_STATE = "etc/dnf/modules.d/nvidia-driver.module"
DRIVER_MODULE = "nvidia-driver"
SOLVING = 600
"""Seconds for what reads metadata and solves, but changes nothing."""

FILES_ONLY = ("--nodeps", "--noscripts", "--notriggers", "--nosignature", "--ignorearch", "--ignoreos", "--nocontexts")
"""Options of rpm to lay a package's files out in a folder, and do nothing else."""

Call = Callable[..., Dict[str, Any]]
"""Runs a function of _dnf_api: (function, timeout, arguments by name)."""


class Dnf:
    """dnf, behind what a transaction asks of a package manager."""

    name = "dnf"

    def __init__(
        self, call: Call, run: Runner, place: Mapping[str, str], seconds: Mapping[str, float], sources: _repository.Look
    ) -> None:
        """``place`` has ``root`` and ``archives``; ``seconds`` has ``run`` and ``lock``."""
        self.call = call
        self.run = run
        self.root = place["root"]
        self.archives = place["archives"]
        self.timeout = seconds["run"]
        self.lock_timeout = seconds["lock"]
        self.sources = sources

    def _path(self, relative: str) -> str:
        return os.path.join(self.root, relative)

    def _ask(self, function: Call, timeout: float, what: str, **arguments: Any) -> Dict[str, Any]:
        answer = self.call(function, timeout, **arguments)
        if answer.get("lines"):
            raise PackageError("%s.\n- %s" % (what, "\n- ".join(answer["lines"])))
        if "error" in answer:
            raise PackageError("%s: %s" % (what, answer["error"]))
        return answer

    def wait(self) -> None:
        """Wait for dnf and rpm."""
        locks = [self._path(path.lstrip("/")) for path in _locks.RPM_LOCKS]
        pids = [self._path(path.lstrip("/")) for path in _locks.DNF_PID_FILES]
        _locks.wait(lambda: _locks.busy(locks, pids), self.lock_timeout)

    def broken(self) -> List[str]:
        """Driver packages that are there twice: a transaction was cut off between installing and removing."""
        listed = self.run(["rpm", "-qa", "--qf", "%{NAME} %{ARCH}\\n"], timeout=120).out.split("\n")
        twice = sorted({line for line in listed if listed.count(line) > 1})
        return ["%s is there twice" % line for line in twice if line and _names.is_driver(line.split()[0])]

    def repair(self) -> List[str]:
        """Remove the older of two versions."""
        before = self.broken()
        done = self.run(["dnf", "-y", "--disableplugin=versionlock", "remove", "--duplicates"], timeout=self.timeout)
        if self.broken():
            raise PackageError("%s, and dnf can't remove the older: %s" % ("; ".join(before), done.text.strip()[-500:]))
        return ["%s: the older was removed" % line for line in before]

    def refresh(self) -> List[str]:
        """Metadata expires by dnf's own settings."""
        return _versionlock.disabled({path: _files.read(self._path(path)) for path in _versionlock.SWITCHES})

    def state(self) -> State:
        """Installed packages, foreign locks, and the files that our settings are in."""
        answer = self._ask(_dnf_api.installed, SOLVING, "The installed packages can't be read")
        texts = {"/" + path: _files.read(self._path(path)) for path in (_versionlock.PATH, MODULE_STATE)}
        held = _versionlock.foreign(texts["/" + _versionlock.PATH])
        return State(installed=dict(answer["installed"]), held=tuple(held), files=texts)

    def compare(self, left: str, right: str) -> int:
        """The order of versions in rpm."""
        return _rpm_versions.compare(left, right)

    def solve(self, request: Request) -> Solution:
        """Ask dnf's solver, with a repository that the host doesn't have yet in memory only."""
        answer = self._ask(
            _dnf_api.solve,
            SOLVING,
            "dnf finds no way to install these packages",
            preview=self._preview(),
            **self._wanted(request),
        )
        moved = [Change(item["name"], item["from"], item["to"]) for item in answer["changes"]]
        return Solution(tuple(moved), dict(answer["exact"]))

    def _preview(self) -> Dict[str, str]:
        new = _repository.differing(self.sources.files(), self.root)
        if not any(item.path.endswith(".repo") for item in new):
            return {}
        login = self.sources.repository.login
        uri = str(self.sources.repository.body["uri"])
        return {"uri": uri, "username": login.username, "password": login.password}

    def _wanted(self, request: Request) -> Dict[str, Any]:
        installed = self.state().installed
        wanted = [{"name": item.name, "version": item.version} for item in request.install]
        wanted += [{"name": name, "version": ""} for name in request.headers]
        if request.hold and not any(_names.bare(name) == _versionlock.PLUGIN for name in installed):
            wanted.append({"name": _versionlock.PLUGIN, "version": ""})
        named = {item["name"] for item in wanted}
        gone = [name for name in _names.matching(request.remove, installed) if _names.bare(name) not in named]
        stream = "%s:%s" % (DRIVER_MODULE, request.stream) if request.stream else ""
        return {"wanted": wanted, "remove": gone, "stream": stream}

    def _to_lock(self, request: Request, installed: Mapping[str, str]) -> Dict[str, str]:
        there = {name: version for name, version in installed.items() if version}
        return {_names.bare(name): there[name] for name in _names.to_hold(request.hold, there)}

    def drift(self, request: Request, solution: Solution) -> List[str]:
        """The list of locks, if it isn't as asked."""
        state = self.state()
        after = {**state.installed, **{change.name: change.new for change in solution.changes}}
        return list(_versionlock.missing(state.files["/" + _versionlock.PATH], self._to_lock(request, after)))

    def fetch(self, request: Request, solution: Solution) -> List[str]:
        """Download the new versions, and the ones that are replaced."""
        new = {change.name: change.new for change in solution.changes if change.new}
        lost = self.obtain({change.name: change.old for change in solution.changes if change.old})
        failed = self._obtain(new, str(self._wanted(request)["stream"]))
        if failed:
            raise PackageError("The packages could not be downloaded: %s" % ", ".join(failed))
        return lost

    def obtain(self, versions: Mapping[str, str]) -> List[str]:
        """Download versions that are not at hand yet."""
        return self._obtain(versions, "")

    def _obtain(self, versions: Mapping[str, str], stream: str) -> List[str]:
        os.makedirs(self.archives, mode=0o755, exist_ok=True)
        need = {name: version for name, version in versions.items() if not os.path.exists(self._file(name, version))}
        if not need:
            return []
        what = "The packages could not be downloaded"
        answer = self._ask(_dnf_api.obtain, self.timeout, what, packages=need, folder=self.archives, stream=stream)
        return list(answer["lost"])

    def _file(self, name: str, version: str) -> str:
        return os.path.join(self.archives, _dnf_api.file_name(name, version))

    def unpack(self, solution: Solution, folder: str) -> List[Module]:
        """Unpack the module sources among the downloaded packages."""
        for change in solution.changes:
            path = self._file(change.name, change.new)
            if change.new and "dkms" in change.name and change.name != "dkms" and os.path.exists(path):
                self.run(["rpm", "-i", "--root", folder, *FILES_ONLY, path], timeout=300)
        return _dkms.modules_below(folder)

    def settle(self, request: Request) -> None:
        """Nothing comes before: streams are enabled with the transaction, locks are written after it."""

    def apply(self, request: Request, solution: Solution) -> Done:
        """Run it by dnf's library."""
        answer = self.call(_dnf_api.apply, self.timeout, files={}, **self._wanted(request))
        failed = "error" in answer
        lines = answer.get("lines") or str(answer.get("error", "")).strip().splitlines()
        text = "\n".join("Error: %s" % line.strip() for line in lines)
        return Done(("dnf",), 1 if failed else 0, str(answer.get("said", "")), text if failed else "")

    def lock(self, request: Request) -> None:
        """Lock the versions of what is to be held."""
        state = self.state()
        text = _versionlock.written(state.files["/" + _versionlock.PATH], self._to_lock(request, state.installed))
        _files.put(self._path(_versionlock.PATH), text)

    def modules(self, names: Sequence[str]) -> List[Module]:
        """DKMS modules among the files of installed packages."""
        found: List[Module] = []
        for name in names:
            if "dkms" in name and _names.bare(name) != "dkms":
                listed = self.run(["rpm", "-ql", _names.bare(name)], timeout=60)
                found += _dkms.modules_in(listed.out.splitlines(), self.root, name) if listed.rc == 0 else []
        return found

    def prune(self, changes: Sequence[Change]) -> None:
        """Keep the installed versions and those before the last change."""
        pairs = [*self.state().installed.items(), *((change.name, change.old) for change in changes)]
        keep = {_dnf_api.file_name(name, version) for name, version in pairs}
        for entry in os.listdir(self.archives) if os.path.isdir(self.archives) else []:
            if entry.endswith(".rpm") and entry not in keep:
                os.unlink(os.path.join(self.archives, entry))

    def restore(self, changes: Sequence[Change], before: State) -> List[str]:
        """Bring packages, streams and locks back."""
        lost = _files.put_back(before.files, self.root)
        files = {change.name: self._file(change.name, change.old) for change in changes if change.old}
        here = {name: path for name, path in files.items() if os.path.exists(path)}
        wanted = [{"name": item.name, "version": item.old} for item in changes if item.old and item.name not in here]
        gone = [change.name for change in changes if not change.old]
        answer = self.call(_dnf_api.apply, self.timeout, wanted=wanted, remove=gone, stream="", files=here)
        installed = self.state().installed
        remains = lost + off({change.name: change.old for change in changes}, installed, "was")
        return [*remains, "dnf said: %s" % (answer.get("error") or answer.get("said", ""))] if remains else []
