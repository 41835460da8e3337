# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One run at a time takes nodes of a cluster out of service: a Lease that one run holds over many tasks."""

from __future__ import annotations

import datetime as dt
import os
from typing import Callable

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _holder, _proc
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._leases import Leases, NoPlace, Seen

NAME = "gpu_maintenance"
TRIES = 5
STARTER = "ansible-playbook"


class Taken(RolloutError):
    """Another run has nodes of this cluster in maintenance."""


def starter(pid: int = 0, root: str = _proc.ROOT) -> int:
    """The ansible-playbook that started this process, so that a later run sees whether it is gone.

    Each task runs in a worker, which is a fork of it with the same command line and ends with the task.
    0 where none is near: on a bastion the run that matters is on another machine, and only the Lease's end tells.
    """
    current, run = pid or os.getpid(), 0
    while current > 1:
        found = _proc.process(current, root)
        if found is None:
            break
        if any(word.endswith(STARTER) for word in _proc.words(current, root)[:2]):
            run = current
        elif run:
            break
        current = found.parent
    return run


def run_of(given: str) -> str:
    """What all tasks of this run have in common. Raises RolloutError where nothing tells and nothing was given."""
    pid = 0 if given else starter()
    if not given and not pid:
        raise RolloutError(
            "run is needed where ansible-playbook runs on another machine: a text that no other run has."
        )
    return given or "%d since %s" % (pid, _holder.began(pid))


def leases(client: EngineClient, namespace: str, run: str, seconds: float) -> Leases:
    """The cluster's Lease, as a run sees it. run: the same text in all tasks of a run. seconds: how long it lasts."""
    return Leases(client, namespace, NAME, _holder.Holder(pid=starter(), run=run_of(run)), seconds)


def hold(lease: Leases, now: Callable[[], dt.datetime]) -> None:
    """Take or renew it. Raises Taken that says who has it and until when, and RolloutError."""
    for _try in range(TRIES):
        seen = lease.read()
        if seen is not None and not seen.ours and not seen.dead and seen.looks_alive(now()):
            raise Taken(_taken(seen))
        try:
            got = lease.create() if seen is None else lease.renew(seen) if seen.ours else lease.take(seen)
        except NoPlace:
            raise RolloutError("There is no namespace %s for the Lease of the maintenance." % lease.namespace) from None
        if got is not None:
            return
    raise RolloutError("The Lease %s/%s changes all the time: is another run starting?" % (lease.namespace, lease.name))


def give_back(lease: Leases) -> bool:
    """Delete it where it is ours; whether it was."""
    seen = lease.read()
    return seen is not None and seen.ours and lease.delete(seen)


def _taken(seen: Seen) -> str:
    return (
        "Another run has nodes of this cluster in maintenance: %s. Wait until it has ended; if it is gone for good, "
        "delete that Lease." % seen
    )
