# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The driver's packages on Debian and Ubuntu."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Callable, Iterator, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _atomic
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import (
    _apt_answers,
    _apt_preview,
    _apt_repair,
    _apt_rollback,
    _dkms,
    _dpkg,
    _files,
    _names,
    _repository,
    _versions,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._apt_tools import AptTools
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._family import Solution, State
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Change,
    Done,
    Module,
    PackageError,
    Request,
)

SOURCES_OF_MODULES = ("*dkms*", "nvidia-kernel-source*")
"""Packages that carry a kernel module's source: where they are split, dkms.conf and the source are in two."""
LISTS = "var/lib/apt/lists"
LISTS_AGE = 3600
"""Seconds after which package lists are fetched again."""

Sources = Callable[[], Sequence[_repository.Wanted]]
"""Works out the source files that the host should have."""


class Apt:
    """apt, behind what a transaction asks of a package manager."""

    name = "apt"

    def __init__(self, tools: AptTools, sources: Sources) -> None:
        self.tools = tools
        self.sources = sources

    def _path(self, relative: str) -> str:
        return os.path.join(self.tools.root, relative)

    def wait(self) -> None:
        """Wait for apt's and dpkg's locks."""
        self.tools.wait()

    def broken(self) -> List[str]:
        """What dpkg has half done, and what it noted before it was stopped (the journal in updates/)."""
        lines = [str(entry) for entry in _dpkg.broken(self.tools.entries())]
        if self.tools.stopped():
            lines.append(_apt_repair.STOPPED)
        return lines

    def repair(self) -> List[str]:
        """Configure, fix or take out what is broken."""
        return _apt_repair.repair(self.tools)

    def refresh(self) -> List[str]:
        """``apt-get update`` where the lists are old or have never been fetched.

        A repository that doesn't answer stops nothing: it may be anybody's, and what is missing is said by solve().
        """
        if self._listed() and time.time() - os.path.getmtime(self._path(LISTS)) < LISTS_AGE:
            return []
        done = self.tools.get(["update"], timeout=600)
        return [] if done.rc == 0 else ["the package lists could not all be fetched: %s" % done.last_words()]

    def _listed(self) -> bool:
        """Whether there are package lists at all: images often come without."""
        lists = self._path(LISTS)
        return os.path.isdir(lists) and any("Packages" in name for name in os.listdir(lists))

    def state(self) -> State:
        """Installed packages, holds, marks, and our preferences file."""
        entries = self.tools.entries()
        automatic = _dpkg.automatic(_files.read(self._path("var/lib/apt/extended_states")))
        text = _files.read(self._path(_apt_preview.PREFERENCES))
        return State(
            installed=_dpkg.installed(entries),
            held=tuple(_dpkg.held(entries)),
            automatic=tuple(automatic),
            leftovers=tuple(_dpkg.configuration_only(entries)),
            files={"/" + _apt_preview.PREFERENCES: text},
        )

    def compare(self, left: str, right: str) -> int:
        """Debian's order of versions."""
        return _versions.compare(left, right)

    @contextmanager
    def _preview(self, request: Request) -> Iterator[List[str]]:
        """Options by which apt looks at the host as it would be configured."""
        folder = tempfile.mkdtemp(prefix="openhands-driver-")
        try:
            preview = _apt_preview.Preview(self.tools.root, folder)
            preview.pin(request.pins)
            preview.release(_names.is_driver)
            new = _repository.differing(self.sources(), self.tools.root)
            if new or not self._listed():
                preview.add_sources(_repository.preview(new, folder))
                everything = not self._listed()
                done = self.tools.get(["update"], preview.update_options(everything=everything), timeout=600)
                if done.rc != 0 and not everything:
                    raise PackageError("The new sources could not be read: %s" % done.last_words())
            yield preview.options()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def solve(self, request: Request) -> Solution:
        """Simulate the transaction under our preferences."""
        with self._preview(request) as options:
            cache = self.tools.run(["apt-cache", *options, "policy", *request.names], timeout=300)
            known = _apt_answers.policies(cache.out)
            names = self.tools.run(["apt-cache", *options, "pkgnames"], timeout=300).out.split()
            missing = _apt_answers.unavailable(request, known, names)
            if missing:
                looked = self.tools.run(["apt-cache", *options, "policy"], timeout=300).out
                where = ", ".join(_apt_answers.repositories(looked)) or "none"
                raise PackageError(
                    "Packages can't be had.\n- %s\nRepositories looked at: %s" % ("\n- ".join(missing), where)
                )
            exact = _apt_answers.resolved(request, known)
            state = self.tools.entries()
            installed = _dpkg.installed(state)
            gone = [name for name in _names.matching(request.remove, installed) if name not in exact]
            done = self._install(exact, gone, ["-s", *options])
            if done.rc != 0:
                raise PackageError("apt finds no way to install these packages together: %s" % done.last_words())
            return Solution(tuple(_apt_answers.changes(done.out, installed)), exact)

    def _install(self, exact: Mapping[str, str], gone: Sequence[str], options: Sequence[str]) -> Done:
        wanted = ["%s=%s" % item for item in sorted(exact.items())]
        flags = ["--no-install-recommends", "--allow-change-held-packages", "--allow-downgrades"]
        return self.tools.get(["install", *wanted, *(name + "-" for name in gone)], [*options, *flags])

    def drift(self, request: Request, solution: Solution) -> List[str]:
        """Pins and holds that are not as asked."""
        state = self.state()
        path = "/" + _apt_preview.PREFERENCES
        lines = [path] if state.files[path] != _apt_preview.preferences(request.pins) else []
        after = {**state.installed, **{change.name: change.new for change in solution.changes}}
        wanted = _names.to_hold(request.hold, {name: version for name, version in after.items() if version})
        lines += ["hold %s" % name for name in wanted if name not in state.held]
        # Held by an earlier run, under another branch.
        return lines + ["release %s" % name for name in state.held if _names.is_driver(name) and name not in wanted]

    def fetch(self, request: Request, solution: Solution) -> List[str]:
        """Download the new versions, and the ones that are replaced."""
        lost = self.obtain({change.name: change.old for change in solution.changes if change.old})
        with self._preview(request) as preview:
            done = self._apply(solution, ["--download-only", *preview, *self.tools.real()])
        if done.rc != 0:
            raise PackageError("The packages could not be downloaded: %s" % done.last_words())
        new = {change.name: change.new for change in solution.changes if change.new}
        for path in filter(None, (self.tools.cached(*item) for item in new.items())):
            _atomic.settle(path)
        # A repository on this host's own disk is read in place; the way back needs a copy.
        self.obtain(new)
        return lost

    def obtain(self, versions: Mapping[str, str]) -> List[str]:
        """Download versions that are not at hand yet."""
        options, where = self.tools.real(), self.tools.archives
        lost = []
        for name, version in versions.items():
            spec = "%s=%s" % (name, version)
            if self.tools.cached(name, version):
                continue
            done = self.tools.run(["apt-get", "-q", *options, "download", spec], timeout=600, cwd=where)
            path = self.tools.cached(name, version)
            if done.rc != 0 or not path:
                lost.append(spec)
            else:
                _atomic.settle(path)
        return lost

    def _apply(self, solution: Solution, options: Sequence[str]) -> Done:
        exact = {change.name: change.new for change in solution.changes if change.new}
        gone = [change.name for change in solution.changes if not change.new]
        return self._install({**exact, **solution.exact}, gone, options)

    def unpack(self, solution: Solution, folder: str) -> List[Module]:
        """Unpack the module sources among the downloaded packages."""
        for change in solution.changes:
            name = _names.bare(change.name)
            if not change.new or not any(fnmatchcase(name, item) for item in SOURCES_OF_MODULES) or name == "dkms":
                continue
            path = self.tools.cached(change.name, change.new)
            if path:
                self.tools.run(["dpkg-deb", "-x", path, folder], timeout=300)
        return _dkms.modules_below(folder)

    def settle(self, request: Request) -> None:
        """Write the preferences."""
        _files.put(self._path(_apt_preview.PREFERENCES), _apt_preview.preferences(request.pins))

    def apply(self, request: Request, solution: Solution) -> Done:
        """One run of apt-get with every package named: exactly what was simulated, held packages included."""
        before = self.state().automatic
        done = self._apply(solution, self.tools.real())
        # What is named counts as asked for by a person; what came as a dependency goes on as one.
        known = {change.name for change in solution.changes if not change.old and change.name not in solution.exact}
        moved = {change.name for change in solution.changes if change.old and change.name in before}
        there = _dpkg.installed(self.tools.entries())
        # Whether that works says nothing of the packages, and must not keep us from judging them.
        self.tools.mark("auto", sorted(name for name in known | moved if name in there))
        return done

    def lock(self, request: Request) -> None:
        """Hold what is to be held, release what no longer is."""
        entries = self.tools.entries()
        held = _dpkg.held(entries)
        wanted = _names.to_hold(request.hold, _dpkg.installed(entries))
        failed = self.tools.mark("hold", [name for name in wanted if name not in held])
        failed = failed or self.tools.mark(
            "unhold", [name for name in held if _names.is_driver(name) and name not in wanted]
        )
        if failed:
            raise PackageError("The packages are as planned, but %s" % failed)

    def modules(self, names: Sequence[str]) -> List[Module]:
        """DKMS modules among the files of installed packages."""
        found: List[Module] = []
        for name in names:
            if "dkms" in name and _names.bare(name) != "dkms":
                listed = self.tools.run(["dpkg", "-L", name], timeout=60)
                found += _dkms.modules_in(listed.out.splitlines(), self.tools.root, name) if listed.rc == 0 else []
        return found

    def prune(self, changes: Sequence[Change]) -> None:
        """Keep the installed versions and those before the last change; purge what was removed."""
        # Only now: a package that came back would have lost what a person had written into its configuration.
        left = _dpkg.configuration_only(self.tools.entries())
        gone = [change.name for change in changes if not change.new and change.name in left]
        if gone:
            self.tools.dpkg(["--purge", *gone])
        keep = {name: [version] for name, version in self.state().installed.items()}
        for change in changes:
            keep.setdefault(change.name, []).append(change.old)
        _apt_rollback.prune(self.tools, keep)

    def restore(self, changes: Sequence[Change], before: State) -> List[str]:
        """Bring packages, preferences and holds back."""
        remains = _files.put_back(before.files, self.tools.root)
        remains += _apt_rollback.restore(self.tools, changes, before)
        entries = self.tools.entries()
        there, held = _dpkg.installed(entries), _dpkg.held(entries)
        failed = self.tools.mark("hold", [name for name in before.held if name in there and name not in held])
        failed = failed or self.tools.mark("unhold", [name for name in held if name not in before.held])
        return [*remains, failed] if failed else remains
