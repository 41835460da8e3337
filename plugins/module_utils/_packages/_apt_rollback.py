# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Bringing packages back to the versions they had, whatever state a failed transaction left."""

from __future__ import annotations

import os
from typing import Dict, List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _dpkg
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._apt_tools import AptTools
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._family import State
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Change, off

FORCE = ["--allow-downgrades", "--allow-change-held-packages", "--no-install-recommends", "--fix-broken"]


def restore(tools: AptTools, changes: Sequence[Change], before: State) -> List[str]:
    """Undo ``changes``; answers what is not as before, one line each (empty: everything is).

    First by apt in one transaction; where apt can't, by dpkg with dependencies forced, and then by apt again,
    which now finds nothing half done.
    """
    said: List[str] = []
    for attempt in (_by_apt, _by_dpkg, _by_apt):
        if not _off(tools, changes):
            break
        said.append(attempt(tools, changes))
    _purge(tools, changes, before)
    _mark(tools, changes, before)
    remains = _off(tools, changes)
    return [*remains, "apt said: " + said[-1]] if remains and said else remains


def _off(tools: AptTools, changes: Sequence[Change]) -> List[str]:
    """What differs from the state before the changes."""
    entries = tools.entries()
    installed = _dpkg.installed(entries)
    return off({change.name: change.old for change in changes}, installed, "was") + [
        "%s is not whole" % entry for entry in _dpkg.broken(entries)
    ]


def _files(tools: AptTools, changes: Sequence[Change]) -> Dict[str, str]:
    """Package files of the versions before, as far as they are at hand."""
    found = {change.name: tools.cached(change.name, change.old) for change in changes if change.old}
    return {name: path for name, path in found.items() if path}


def _by_apt(tools: AptTools, changes: Sequence[Change]) -> str:
    files = _files(tools, changes)
    back = [files.get(change.name) or "%s=%s" % (change.name, change.old) for change in changes if change.old]
    gone = [change.name + "-" for change in changes if not change.old]
    return tools.get([*FORCE, "install", *back, *gone], tools.real()).last_words()


def _by_dpkg(tools: AptTools, changes: Sequence[Change]) -> str:
    there = _dpkg.installed(tools.entries())
    gone = [change.name for change in changes if not change.old and change.name in there]
    files = sorted(_files(tools, changes).values())
    said = ""
    if gone:
        said = tools.dpkg(["--remove", "--force-depends", "--force-remove-reinstreq", *gone]).last_words()
    if files:
        tools.dpkg(["--unpack", "--force-depends", "--force-downgrade", "--force-overwrite", *files])
    done = tools.dpkg(["--configure", "-a"])
    return said if done.rc == 0 else done.last_words()


def _purge(tools: AptTools, changes: Sequence[Change], before: State) -> None:
    """Remove the configuration of packages that weren't there, not even as configuration, before."""
    left = set(_dpkg.configuration_only(tools.entries())) - set(before.leftovers)
    names = [change.name for change in changes if not change.old and change.name in left]
    if names:
        tools.dpkg(["--purge", *names])


def _mark(tools: AptTools, changes: Sequence[Change], before: State) -> None:
    """Put apt's marks back: it takes what is installed by name for asked for by hand."""
    tools.mark("auto", [change.name for change in changes if change.old and change.name in before.automatic])


def prune(tools: AptTools, keep: Dict[str, List[str]]) -> None:
    """Delete downloaded packages but for the versions to ``keep`` (name -> versions)."""
    wanted = {tools.cached(name, version) for name, versions in keep.items() for version in versions}
    for entry in os.listdir(tools.archives) if os.path.isdir(tools.archives) else []:
        path = os.path.join(tools.archives, entry)
        if entry.endswith(".deb") and path not in wanted:
            os.unlink(path)
