# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Finishing, or undoing, what an earlier run of dpkg left half done."""

from __future__ import annotations

from typing import List, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _apt_answers, _dpkg
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._apt_tools import AptTools
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import PackageError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._names import is_driver

STOPPED = "dpkg was stopped while it worked"


def repair(tools: AptTools) -> List[str]:
    """Make dpkg whole again: configure, let apt fix dependencies, and take out what of the driver won't be configured.

    Answers what was done, one line each. Raises PackageError where something else than the driver stays broken.
    """
    before = _dpkg.broken(tools.entries())
    stopped = tools.stopped()
    if stopped:
        tools.read_journal()
    lines = ["%s: its journal was read" % STOPPED] if stopped else []
    return lines + _whole(tools, before) if before else lines


def _whole(tools: AptTools, before: Sequence[_dpkg.Entry]) -> List[str]:
    said = ""
    # A driver package that failed to build will fail again and take minutes: those are taken out instead.
    others = [entry.name for entry in before if not is_driver(entry.name)]
    if others:
        said = tools.dpkg(["--configure", *others]).last_words()
    failed_driver = [entry for entry in before if is_driver(entry.name) and entry.status == "half-configured"]
    if not failed_driver:
        said = tools.dpkg(["--configure", "-a"]).last_words()
    if _dpkg.broken(tools.entries()) and not failed_driver:
        _fix_dependencies(tools)
    remaining = _dpkg.broken(tools.entries())
    taken_out = [entry.name for entry in remaining if is_driver(entry.name)]
    if taken_out:
        said = take_out(tools, taken_out)
    still = _dpkg.broken(tools.entries())
    if still:
        raise PackageError(
            "dpkg was left half done, and this could not be repaired: %s. dpkg said: %s. Repair it by hand (dpkg "
            "--audit names what is missing), then run this again." % (", ".join(str(entry) for entry in still), said)
        )
    return [
        "%s was %s: %s" % (entry.name, entry.status, "removed" if entry.name in taken_out else "configured")
        for entry in before
    ]


def _fix_dependencies(tools: AptTools) -> None:
    """``apt-get --fix-broken install``, unless it would remove what isn't the driver's."""
    installed = _dpkg.installed(tools.entries())
    plan = tools.get(["--fix-broken", "install"], ["-s"])
    changes = _apt_answers.changes(plan.out, installed)
    if plan.rc == 0 and all(change.new or is_driver(change.name) for change in changes):
        tools.get(["--fix-broken", "install"], tools.real())


def take_out(tools: AptTools, names: Sequence[str]) -> str:
    """Remove packages and what needs them, as long as all of that is the driver's; answers what was said last.

    Raises PackageError where other packages depend on them.
    """
    installed = _dpkg.installed(tools.entries())
    plan = tools.get(["remove", *names], ["-s"])
    removed = [change.name for change in _apt_answers.changes(plan.out, installed) if not change.new]
    foreign = [name for name in removed if not is_driver(name) and name not in names]
    if foreign:
        raise PackageError(
            "%s can't be configured, and taking it out would remove %s too. Decide by hand."
            % (", ".join(names), ", ".join(foreign))
        )
    done = tools.get(["remove", *names], ["--allow-change-held-packages", *tools.real()])
    if done.rc != 0 or any(entry.name in names for entry in _dpkg.broken(tools.entries())):
        done = tools.dpkg(["--remove", "--force-depends", "--force-remove-reinstreq", *names])
        tools.get(["--fix-broken", "install"], tools.real())
    return done.last_words()
