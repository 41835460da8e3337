# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Keeps two runs on one component apart: a Lease beside the component's record, taken by the first write."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import Callable, Iterator, Optional, TypeVar

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _orphan
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._clock import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._fenced import Fenced
from ansible_collections.openhands.gpu_observability.plugins.module_utils._interrupt import Interrupted, interruptible
from ansible_collections.openhands.gpu_observability.plugins.module_utils._leaseholder import Leaseholder, Outdated
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Emit

INTERRUPTED = "interrupted: nothing is half-written, a rerun goes on from here"

T = TypeVar("T")


@contextmanager
def held(
    client: EngineClient, request: Request, emit: Emit, clock: Clock, alive: Optional[_orphan.Alive] = None
) -> Iterator[EngineClient]:
    """Lend a client whose first write takes the component's Lease, and give it back at the end, however that comes.

    A run that writes nothing takes none, so that runs that change nothing don't meet. Check mode only says when
    another run is at work. A signal (SIGINT, SIGTERM, SIGHUP) ends the block by Interrupted. alive: whether whoever
    started this run is still there; by default its parent process.
    """
    lease = Leaseholder(client, request, emit, clock, alive or _orphan.parent())
    fenced = Fenced(client, lease)
    if request.check_mode:
        lease.look()
        yield fenced
        return
    with ExitStack() as stack:
        with suppress(ValueError):  # not the main thread: signals reach somebody else
            stack.enter_context(interruptible())
        try:
            yield fenced
        except Interrupted:
            lease.close()
            with suppress(Exception):  # who would read it may be gone
                emit(INTERRUPTED)
            fenced.settle()
            raise
        finally:
            lease.release(idle=fenced.idle)


def planned(work: Callable[[], T], emit: Emit) -> T:
    """Do the work; once more where the plan turns out to be made before another run ended."""
    try:
        return work()
    except Outdated as outdated:
        emit("%s: planning again" % outdated)
        return work()
