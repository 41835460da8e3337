# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which packages a driver's transaction may move, and which it must leave alone."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Callable, Iterable, List, Mapping, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import Change, Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._versions import upstream

DRIVER = re.compile(
    r"^(.*nvidia.*|.*cuda.*|libnv.*|libxnvctrl.*|nvlsm|nvsm|glx-(alternative|diversions).*|update-glx"
    r"|kmod-.*nvidia.*|libnvsdm.*|libnvoptix.*)$"
)
"""Names of the driver and its userland over all distributions, with the alternatives that Debian's driver brings."""

APART = re.compile(r"^(nvidia-container-.*|libnvidia-container.*|nvidia-docker.*|datacenter-gpu-manager.*|dcgm.*)$")
"""Looks like the driver's and isn't: the toolkit and DCGM have versions, and roles, of their own."""

STILL = re.compile(
    r"^(linux-image-.*|linux-modules-(?!nvidia).*|kernel|kernel-(core|modules|modules-core)|kubelet|kubeadm|kubectl"
    r"|containerd.*|cri-o.*|docker.*|runc|systemd|libc6|glibc)$"
)
"""May come as something new, but is never moved or removed by a driver's change: the node runs on it."""


def bare(name: str) -> str:
    """The name without its architecture."""
    return name.partition(":")[0]


def is_driver(name: str) -> bool:
    """Whether a package belongs to the driver."""
    return bool(DRIVER.match(bare(name))) and not APART.match(bare(name))


def matching(patterns: Iterable[str], names: Iterable[str]) -> List[str]:
    """The names that any pattern matches. A glob never catches the toolkit or DCGM; a plain name does."""
    patterns = list(patterns)
    return sorted(
        name
        for name in names
        if any(
            bare(name) == item or (fnmatchcase(bare(name), item) and not APART.match(bare(name))) for item in patterns
        )
    )


def to_hold(patterns: Sequence[str], installed: Mapping[str, str]) -> List[str]:
    """What is held: what the patterns name, and all of the driver that has the version of one of those.

    The libraries that come as dependencies belong to it: one that moves by itself no longer fits the loaded module.
    """
    named = {name for name in installed if any(fnmatchcase(bare(name), item) for item in patterns)}
    versions = {upstream(installed[name]) for name in named if is_driver(name)}
    return sorted(
        name
        for name, version in installed.items()
        if name in named or (is_driver(name) and upstream(version) in versions)
    )


def objections(
    changes: Iterable[Change], request: Request, held: Iterable[str], compare: Callable[[str, str], int]
) -> List[str]:
    """Why a transaction may not be done, one line for each package that it must not move.

    Args:
        changes: What the solver would do.
        request: What was asked for.
        held: Packages that are held and that this collection did not hold.
        compare: Order of two versions in this family.
    """
    named, foreign = set(request.names), set(held)
    return [
        "%s: %s" % (change, reason)
        for change in changes
        for reason in [_objection(change, named, request, foreign, compare)]
        if reason
    ]


def _objection(
    change: Change, named: set[str], request: Request, held: set[str], compare: Callable[[str, str], int]
) -> str:
    name = bare(change.name)
    ours = is_driver(name) or name in named or name in request.remove
    if not change.old:
        return ""
    if STILL.match(name):
        return "the node runs on it; a driver's change must not touch it"
    if not change.new and not ours:
        return "not part of the driver, and would be removed"
    if name in held and not ours:
        return "is held"
    if change.new and compare(change.new, change.old) < 0:
        if not ours:
            return "not part of the driver, and would go back to an older version"
        if not request.allow_downgrade:
            return "older than what is installed; set nvidia_driver_allow_downgrade to go back"
    return ""
