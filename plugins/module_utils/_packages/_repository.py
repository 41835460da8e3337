# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The files that give a host its driver's repository: worked out, compared, written, or shown to a preview of apt."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _files, _keys, _sources
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import PackageError, Runner
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._sources import Login, Target

OURS = "openhands-"
NO_LOGIN = Login()


@dataclass(frozen=True)
class Wanted:
    """A file to have, path relative to the root; an empty text means that it must not be there."""

    path: str
    text: str
    secret: bool = False

    @property
    def mode(self) -> int:
        """Permissions."""
        return 0o600 if self.secret else 0o644


@dataclass(frozen=True)
class Repository:
    """A vendor's repository (may be empty) and the components of the distribution's archive that are needed."""

    body: Mapping[str, Any]
    components: Sequence[str] = ()
    login: Login = NO_LOGIN

    @property
    def name(self) -> str:
        """Its name, as in file names; empty where there is no vendor's repository."""
        return str(self.body.get("name") or "")


@dataclass(frozen=True)
class Look:
    """A repository, and how its files are worked out."""

    repository: Repository
    files: Callable[[], List[Wanted]]


def wanted(repository: Repository, run: Runner, root: str, fetch: _keys.Fetch) -> List[Wanted]:
    """All files to have. Raises PackageError for a key that isn't the pinned one, and repositories that are missing."""
    if os.path.isfile(os.path.join(root, "usr/bin/apt-get")):
        return _for_apt(repository, run, root, fetch)
    return _for_dnf(repository, root, fetch)


def differing(files: Sequence[Wanted], root: str) -> List[Wanted]:
    """Those that are not on the host as they should be."""
    return [item for item in files if _files.read(os.path.join(root, item.path)) != item.text]


def write(files: Sequence[Wanted], root: str) -> None:
    """Write them, each at once."""
    for item in files:
        _files.put(os.path.join(root, item.path), item.text, item.mode)


def apt_targets(run: Runner, root: str) -> List[Target]:
    """What apt reads by sources that aren't ours."""
    with tempfile.TemporaryDirectory(prefix="openhands-sources-") as folder:
        parts = os.path.join(root, _sources.SOURCES)
        for name in os.listdir(parts) if os.path.isdir(parts) else []:
            path = os.path.join(parts, name)
            if os.path.isfile(path) and not name.startswith(OURS):
                shutil.copy(path, folder)
        # Without the empty names apt would write its cache of all packages.
        options = [
            "-o",
            "Dir::Etc::sourceparts=%s" % folder,
            "-o",
            "Dir::Cache::pkgcache=",
            "-o",
            "Dir::Cache::srcpkgcache=",
        ]
        done = run(
            ["apt-get", *options, "indextargets", "--format", _sources.TARGETS, "Created-By: Packages"], timeout=60
        )
    if done.rc != 0:
        raise PackageError("apt can't read its sources: %s" % done.err.strip())
    return _sources.targets(done.out)


def codename(root: str) -> str:
    """The release's code name (os-release(5))."""
    found = re.search(
        r"^VERSION_CODENAME=\"?([\w.-]+)", _files.read(os.path.join(root, "etc/os-release")), re.MULTILINE
    )
    return found.group(1) if found else ""


def _key(repository: Repository, root: str, fetch: _keys.Fetch) -> Wanted:
    """The key file: the one that is there if it is the pinned one, else fetched."""
    path = _sources.key_path(repository.body, armoured=True)
    there = _files.read(os.path.join(root, path))
    if there:
        try:
            return Wanted(path, _keys.fetched(repository.body, lambda _address: there.encode()).decode())
        except PackageError:
            pass  # another key than the pinned one: fetched anew, and held against the pins again
    data = _keys.fetched(repository.body, fetch)
    if not _keys.is_armoured(data):
        raise PackageError("The key %s is not an armoured public key." % repository.body["key_url"])
    return Wanted(path, data.decode("ascii", "replace"))


def _for_apt(repository: Repository, run: Runner, root: str, fetch: _keys.Fetch) -> List[Wanted]:
    have = apt_targets(run, root)
    text = _sources.components_source(have, repository.components, codename(root))
    files = [Wanted("%s/%s.sources" % (_sources.SOURCES, _sources.COMPONENTS), text)]
    body = repository.body
    if repository.name and not _sources.known(body, (target.uri for target in have)):
        key = _key(repository, root, fetch)
        source = "%s/%s%s.sources" % (_sources.SOURCES, OURS, repository.name)
        login = "%s/%s%s.conf" % (_sources.APT_LOGINS, OURS, repository.name)
        files += [
            key,
            Wanted(login, _sources.apt_login(body, repository.login), secret=True),
            Wanted(source, _sources.apt_source(body, "/" + key.path)),
        ]
    return files


def _for_dnf(repository: Repository, root: str, fetch: _keys.Fetch) -> List[Wanted]:
    if not repository.name:
        return []
    there = _sources.dnf_repositories(root)
    missing = _sources.lacking(repository.body.get("requires") or [], there)
    if missing:
        raise PackageError(
            "Repositories are missing that the driver's packages need: %s. Nothing was changed."
            % "; ".join("%s (%s)" % item for item in missing)
        )
    path = "%s/%s%s.repo" % (_sources.RPM_REPOS, OURS, repository.name)
    others = [uri for name, uri in there.items() if name != repository.name]
    if _sources.known(repository.body, others):
        return []
    key = _key(repository, root, fetch)
    text = _sources.dnf_repo(repository.body, repository.login)
    return [key, Wanted(path, text, secret=bool(repository.login.username))]


def preview(files: Sequence[Wanted], folder: str) -> Dict[str, str]:
    """Write files to a folder instead, sources pointing at the key there; path on the host -> path in the folder."""
    placed = {item.path: os.path.join(folder, "files", item.path) for item in files if item.text}
    for item in files:
        if item.text:
            text = item.text
            for path, place in placed.items():
                text = text.replace("Signed-By: /%s\n" % path, "Signed-By: %s\n" % place)
            _files.put(placed[item.path], text, item.mode)
    return placed
