# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""dnf 4 by its own Python library: solving, downloading and running transactions. Runs in a forked child.

The library solves with module streams in memory and tells changes as data, where the command prints a table for people
and writes a stream down before it knows whether anything can be installed. API: dnf.readthedocs.io/en/latest/api.html.
"""

from __future__ import annotations

import os
import shutil
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _atomic

OUR_LOCKS = ("versionlock",)
PREVIEW = "openhands-preview"
NEAREST = 5
LOCAL, INSTALLED = "@commandline", "@System"
"""What dnf calls the repositories of package files and of what is installed."""


class Unavailable(Exception):
    """Packages that can't be had, one line each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = list(lines)


def opened(preview: Mapping[str, Any], stream: str = "") -> Any:
    """A dnf.Base with the host's repositories, ``preview`` added, and the stream enabled (in memory)."""
    base = _configured()
    base.conf.install_weak_deps = False
    base.conf.keepcache = True
    base.conf.module_stream_switch = True
    base.init_plugins(disabled_glob=OUR_LOCKS)
    base.pre_configure_plugins()
    base.read_all_repos()
    base.configure_plugins()
    if preview:
        settings = {"gpgcheck": False, **{key: preview[key] for key in ("username", "password") if preview.get(key)}}
        base.repos.add_new_repo(PREVIEW, base.conf, baseurl=[str(preview["uri"])], **settings)
    base.fill_sack()
    if stream:
        module_base = import_module("dnf.module.module_base").ModuleBase(base)
        # Not reset before: with a stream enabled, dnf finds the one asked for "broken" then. It switches by itself.
        module_base.enable([stream])
    return base


def _configured() -> Any:
    """A dnf.Base with the host's configuration and variables ($contentdir of Rocky's repositories is one)."""
    base = import_module("dnf").Base()
    base.conf.read()
    base.conf.substitutions.update_from_etc(base.conf.installroot)
    return base


def versions(base: Any, package: Any) -> str:
    """Version of a package, with its epoch unless that is 0."""
    return str(package.evr)


def key(base: Any, package: Any) -> str:
    """Name of a package; those that may be installed in several versions (kernels) carry theirs in it."""
    name = str(package.name)
    native = (base.conf.substitutions["basearch"], "noarch")
    if any(fnmatchcase(name, item) or item in (str(one) for one in package.provides) for item in _parallel(base)):
        name = "%s-%s" % (name, package.evr)
    return name if package.arch in native else "%s:%s" % (name, package.arch)


def _parallel(base: Any) -> List[str]:
    return [*base.conf.installonlypkgs, "kernel-devel-matched"]


def installed() -> Dict[str, Any]:
    """Installed packages: name -> version."""
    base = opened_without_repositories()
    return {"installed": {key(base, one): versions(base, one) for one in base.sack.query().installed()}}


def opened_without_repositories() -> Any:
    """A dnf.Base that knows only what is installed."""
    base = _configured()
    base.fill_sack(load_available_repos=False)
    return base


def chosen(base: Any, wanted: Sequence[Mapping[str, str]]) -> List[Any]:
    """The package that each wanted name and version means. Raises Unavailable."""
    found, lacking = [], []
    for item in wanted:
        packages, line = _choose(base, str(item["name"]), str(item.get("version") or ""))
        found += packages
        lacking += [line] if line else []
    if lacking:
        raise Unavailable([*lacking, "repositories looked at: %s" % (", ".join(_repositories(base)) or "none")])
    return found


def _choose(base: Any, name: str, version: str) -> tuple[List[Any], str]:
    everything = base.sack.query().filter(name=name, arch=[base.conf.substitutions["basearch"], "noarch"])
    if not everything:
        subject = import_module("dnf.subject").Subject(name)
        everything = subject.get_best_query(base.sack)
    if not everything:
        return [], "%s: no repository has it" % name
    fitting = [one for one in everything if not version or _fits(one, version)]
    if not fitting:
        have = dict.fromkeys(str(one.evr) for one in sorted(everything, reverse=True))
        return [], "%s: no version %s; there is %s" % (name, version, ", ".join(list(have)[:NEAREST]))
    available = [one for one in fitting if one.reponame != INSTALLED]
    return [max(available or fitting)], ""


def _fits(package: Any, version: str) -> bool:
    forms = (package.version, package.evr, "%s-%s" % (package.version, package.release))
    return any(fnmatchcase(str(form), version) for form in forms)


def solved(base: Any, wanted: Sequence[Mapping[str, str]], remove: Sequence[str]) -> Dict[str, str]:
    """Resolve; answers the exact version of each wanted name. Raises dnf.exceptions.Error without a solution."""
    exact = {}
    for package in chosen(base, wanted):
        exact[key(base, package)] = versions(base, package)
        if package.reponame != INSTALLED:
            base.package_install(package)
    for package in base.sack.query().installed():
        if key(base, package) in remove:
            base.package_remove(package)
    base.resolve(allow_erasing=True)
    return exact


def changes(base: Any) -> List[Dict[str, str]]:
    """The resolved transaction."""
    transaction = base.transaction
    old = {key(base, one): versions(base, one) for one in transaction.remove_set}
    new = {key(base, one): versions(base, one) for one in transaction.install_set}
    names = sorted({*old, *new})
    found = [{"name": name, "from": old.get(name, ""), "to": new.get(name, "")} for name in names]
    return [item for item in found if item["from"] != item["to"]]


def solve(
    wanted: Sequence[Mapping[str, str]], remove: Sequence[str], stream: str, preview: Mapping[str, Any]
) -> Dict[str, Any]:
    """What would change."""
    base = opened(preview, stream)
    exact = solved(base, wanted, remove)
    return {"exact": exact, "changes": changes(base), "repositories": _repositories(base)}


def _repositories(base: Any) -> List[str]:
    return ["%s %s" % (repo.id, " ".join(repo.baseurl)) for repo in base.repos.iter_enabled()]


def obtain(packages: Mapping[str, str], folder: str, stream: str) -> Dict[str, Any]:
    """Download packages by exact version into a folder; names those that no repository has."""
    base = opened({}, stream)
    available = {(key(base, one), versions(base, one)): one for one in base.sack.query().available()}
    found = [available[item] for item in packages.items() if item in available]
    _download(base, found, folder)
    return {"lost": ["%s=%s" % item for item in packages.items() if item not in available]}


def _download(base: Any, packages: Sequence[Any], folder: str) -> None:
    base.download_packages(packages)
    for package in packages:
        name = file_name(key(base, package), versions(base, package))
        # Under its own name only once all of it is there.
        partial = os.path.join(folder, ".partial-" + name)
        shutil.copy(package.localPkg(), partial)
        _atomic.settle(partial)
        os.replace(partial, os.path.join(folder, name))


def file_name(name: str, evr: str) -> str:
    """Name of a package file in our folder."""
    return "%s_%s.rpm" % (name.replace(":", "%3a"), evr.replace(":", "%3a"))


def apply(
    wanted: Sequence[Mapping[str, str]], remove: Sequence[str], stream: str, files: Mapping[str, str]
) -> Dict[str, Any]:
    """Run the transaction. ``files`` are package files to take instead of repositories' (name -> path)."""
    base = opened({}, stream)
    local = {key(base, one): one for one in base.add_remote_rpms(list(files.values()))} if files else {}
    for name in files:
        base.package_install(local[name])
    solved(base, [item for item in wanted if item["name"] not in files], remove)
    packages = list(base.transaction.install_set)
    base.download_packages([one for one in packages if one.reponame != LOCAL])
    for package in packages:
        _trust(base, package)
    base.do_transaction()
    return {"changes": changes(base)}


def _trust(base: Any, package: Any) -> None:
    """Check a package's signature, importing the key that its repository names. Local files were checked before."""
    if package.reponame == LOCAL:
        return
    result, message = base.package_signature_check(package)
    if result == 1:
        base.package_import_key(package)
        result, message = base.package_signature_check(package)
    if result != 0:
        raise Unavailable(["%s: %s" % (package, message)])
