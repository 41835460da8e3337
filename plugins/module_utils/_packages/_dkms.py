# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""DKMS modules: for which kernels they are really there, building what lacks, and trial builds that touch nothing.

DKMS's status alone is not believed: package scripts have succeeded with a failed build, so the .ko file must exist.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
from typing import FrozenSet, Iterable, List, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _text
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _dkms as _tree
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _kernel
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._types import Dkms
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _dkms_log
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    BuildFailure,
    Done,
    Module,
    Runner,
)

TREE = "var/lib/dkms"
LOGS = "var/log/openhands-gpu-observability"
SIGNING = ("mok.key", "mok.pub")
Log = Tuple[str, int, int, int]
"""Path, inode, time and size of a log."""

_CONF = re.compile(r"^(PACKAGE_NAME|PACKAGE_VERSION)=[\"']?([^\"'\s]+)[\"']?", re.MULTILINE)
_SOURCE = re.compile(r"^/?usr/src/[^/]+/dkms\.conf$")


def kernels(root: str) -> List[str]:
    """Installed kernels that have headers to build against, oldest first."""
    return [kernel["release"] for kernel in reversed(_kernel.installed(Root(root))) if kernel["headers"]]


def worth_trying(root: str, running: str) -> List[str]:
    """The kernels a trial build is for: the running one and the newest, as far as they have headers."""
    have = kernels(root)
    return [name for name in have if name == running or name == have[-1]]


def modules_in(paths: Iterable[str], root: str, package: str = "") -> List[Module]:
    """The modules whose dkms.conf is among a package's files (paths relative to ``root``)."""
    found = []
    for path in paths:
        if not _SOURCE.match(path):
            continue
        values = dict(_CONF.findall(_text.readable(os.path.join(root, path.lstrip("/")))))
        if len(values) == len(_CONF.pattern.split("|")):
            found.append(Module(values["PACKAGE_NAME"], values["PACKAGE_VERSION"], package))
    return found


def modules_below(root: str) -> List[Module]:
    """The modules whose source is below a folder's usr/src."""
    found = sorted(glob.glob(os.path.join(root, "usr/src/*/dkms.conf")))
    return modules_in([os.path.relpath(path, root) for path in found], root)


def lacking(root: str, modules: Sequence[Module], names: Sequence[str]) -> List[Tuple[Module, str]]:
    """The pairs of module and kernel for which there is no installed .ko file."""
    found = _tree.read(Root(root), names, "")
    there = {
        (entry["module"], entry["version"], entry["kernel"])
        for entry in found
        if entry["state"] == _tree.INSTALLED and entry["built"]
    }
    return [
        (module, kernel) for module in modules for kernel in names if (module.name, module.version, kernel) not in there
    ]


def stale(root: str) -> List[Module]:
    """Versions that DKMS knows and whose source is gone: it refuses every action on them."""
    found = {(entry["module"], entry["version"]) for entry in _broken(root)}
    return [Module(*item) for item in sorted(found)]


def forget(root: str) -> List[str]:
    """Remove what DKMS keeps of such versions; says which."""
    gone = stale(root)
    for module in gone:
        folder = os.path.join(root, TREE, module.name)
        shutil.rmtree(os.path.join(folder, module.version), ignore_errors=True)
        for link in glob.glob(os.path.join(folder, "kernel-*")):
            if os.path.islink(link) and not os.path.exists(link):
                os.unlink(link)
        if not os.listdir(folder):
            os.rmdir(folder)
    return ["%s without its source" % module for module in gone]


def _broken(root: str) -> List[Dkms]:
    return [entry for entry in _tree.read(Root(root), (), "") if entry["state"] == _tree.BROKEN]


def install(run: Runner, root: str, module: Module, kernel: str, timeout: float) -> Optional[BuildFailure]:
    """Build and install one module for one kernel; None where that worked."""
    done = run(["dkms", "install", "--force", "-m", module.name, "-v", module.version, "-k", kernel], timeout=timeout)
    if done.rc == 0 and not lacking(root, [module], [kernel]):
        return None
    return failure(root, os.path.join(root, TREE), module, kernel, done)


def trial(
    run: Runner, root: str, unpacked: str, pairs: Sequence[Tuple[Module, str]], timeout: float
) -> List[BuildFailure]:
    """Build modules from an unpacked package in a tree of their own; the host's DKMS never hears of it.

    Raises OSError where the scratch folder can't be written.
    """
    failures = []
    tree = os.path.join(unpacked, "dkms")
    signing = [os.path.join(root, TREE, name) for name in SIGNING]
    had = [path for path in signing if os.path.exists(path)]
    for module, kernel in pairs:
        shutil.rmtree(tree, ignore_errors=True)
        os.makedirs(tree)
        where = ["--sourcetree", os.path.join(unpacked, "usr/src"), "--dkmstree", tree]
        done = run(["dkms", "build", "-m", module.name, "-v", module.version, "-k", kernel, *where], timeout=timeout)
        if done.rc != 0:
            failures.append(failure(root, tree, module, kernel, done))
    for path in signing:  # dkms makes a signing key wherever it finds none
        if path not in had and os.path.exists(path):
            os.unlink(path)
    return failures


def failure(root: str, tree: str, module: Module, kernel: str, done: Done) -> BuildFailure:
    """Read the log of a failed build and keep a copy where a rollback doesn't reach it."""
    candidates = (
        os.path.join(tree, module.name, module.version, "build", "make.log"),
        *sorted(glob.glob(os.path.join(tree, module.name, module.version, kernel, "*/log/make.log"))),
    )
    for path in candidates:
        text = _text.readable(path)
        if text:
            said = _dkms_log.first_error(text) or _last_words(done)
            return BuildFailure(module.name, module.version, kernel, said, keep(root, text, module, kernel))
    return BuildFailure(module.name, module.version, kernel, _last_words(done))


def logs(root: str) -> FrozenSet[Log]:
    """The logs of failed builds that there are, each with what tells it from a later one: clocks are set back."""
    found = []
    for path in glob.glob(os.path.join(root, TREE, "*", "*", "build", "make.log")):
        stat = os.stat(path)
        found.append((path, stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return frozenset(found)


def failed(root: str, modules: Sequence[Module], before: FrozenSet[Log], done: Done) -> List[BuildFailure]:
    """The failed builds that package scripts left behind, beside those whose logs were there before."""
    found = []
    new = {log[0] for log in logs(root) - before}
    for module in modules:
        for path in glob.glob(os.path.join(root, TREE, module.name, module.version, "build", "make.log")):
            if path in new:
                kernel = _dkms_log.subject(_text.readable(path))[2] or "?"
                found.append(failure(root, os.path.join(root, TREE), module, kernel, done))
    return found


def keep(root: str, text: str, module: Module, kernel: str) -> str:
    """Write a log below /var/log and answer its path on the host; empty where it can't be written (a full disk)."""
    name = "dkms-%s-%s-%s.log" % (module.name, module.version, kernel)
    folder = os.path.join(root, LOGS)
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as handle:
            handle.write(text)
    except OSError:
        return ""
    return "/%s/%s" % (LOGS, name)


def _last_words(done: Done) -> str:
    if done.timed_out:
        return "the build took too long and was ended"
    lines = [line.strip() for line in done.text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("Error!", "Error:", "dkms:"))]
    return (errors or lines or ["dkms said nothing and ended with %d" % done.rc])[0][:300]
