# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What DKMS built for which kernel, read from its tree; DKMS itself is not asked.

/var/lib/dkms/<module>/<version>/source points to the sources, <version>/<kernel>/<architecture>/module holds what was
built, and kernel-<kernel>-<architecture> beside the versions points to the one that is installed. Facts: dell/dkms
dkms.in, is_module_broken, is_module_built, _is_module_installed.
"""

from __future__ import annotations

from typing import List, NamedTuple, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _files
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import Dkms

TREE = "/var/lib/dkms"
SUFFIX = ".ko"
ADDED, BUILT, INSTALLED, BROKEN = "added", "built", "installed", "broken"


class _Build(NamedTuple):
    version: str
    kernel: str
    architecture: str


def read(root: Root, kernels: Sequence[str], architecture: str) -> List[Dkms]:
    """Every build of the driver's modules, and for each of ``kernels`` without one a line that says so."""
    found: List[Dkms] = []
    for module in root.names(TREE):
        if module.startswith(("nvidia", "gdrdrv")):
            found.extend(_module(root, module, kernels, architecture))
    return found


def _module(root: Root, module: str, kernels: Sequence[str], architecture: str) -> List[Dkms]:
    versions = [name for name in root.names(TREE + "/" + module) if name[:1].isdigit()]
    builds = [build for version in versions for build in _builds(root, module, version)]
    found = [_entry(root, module, build) for build in builds]
    sound = [version for version in versions if not _is_broken(root, module, version)]
    covered = {build.kernel for build in builds}
    if sound:
        # One version is enough for a kernel; DKMS would build the newest for the others.
        newest = max(sound, key=lambda version: [int(part) for part in version.split(".") if part.isdigit()])
        found.extend(_line(module, newest, kernel, architecture, ADDED) for kernel in kernels if kernel not in covered)
    told = {entry["version"] for entry in found}
    untold = (version for version in versions if version not in told)
    found.extend(_line(module, version, "", "", ADDED if version in sound else BROKEN) for version in untold)
    return found


def _line(module: str, version: str, kernel: str, architecture: str, state: str) -> Dkms:
    return {
        "module": module,
        "version": version,
        "kernel": kernel,
        "architecture": architecture,
        "state": state,
        "built": False,
        "path": "",
    }


def _builds(root: Root, module: str, version: str) -> List[_Build]:
    folder = "%s/%s/%s" % (TREE, module, version)
    return [
        _Build(version, kernel, architecture)
        for kernel in root.names(folder)
        if kernel[:1].isdigit()
        for architecture in root.names(folder + "/" + kernel)
        if root.is_folder("%s/%s/%s/module" % (folder, kernel, architecture))
    ]


def _entry(root: Root, module: str, build: _Build) -> Dkms:
    """A build: installed counts only where the modules are below /lib/modules too."""
    folder = "%s/%s/%s/%s/%s" % (TREE, module, build.version, build.kernel, build.architecture)
    # The main module first: its path is the entry's.
    files = sorted((name for name in root.names(folder + "/module") if SUFFIX in name), key=_rank)
    placed = [next(_files.places(root, build.kernel, name.partition(SUFFIX)[0]), "") for name in files]
    entry = _line(module, build.version, build.kernel, build.architecture, BUILT)
    link = "%s/%s/kernel-%s-%s" % (TREE, module, build.kernel, build.architecture)
    if _is_broken(root, module, build.version):
        entry["state"] = BROKEN
    elif root.inside(link) == root.inside(folder):
        entry["state"] = INSTALLED
    if entry["state"] != BUILT:
        entry["built"] = bool(files) and all(placed)
        entry["path"] = next(iter(placed), "")
    elif files:
        entry["built"] = True
        entry["path"] = "%s/module/%s" % (folder, files[0])
    return entry


def _rank(name: str) -> bool:
    return _files.MAIN.match(name) is None


def _is_broken(root: Root, module: str, version: str) -> bool:
    """Whether the sources are gone, on which DKMS refuses every action."""
    return not root.is_folder("%s/%s/%s/source" % (TREE, module, version))
