# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What /proc says of a process (proc(5)); of one that is gone, nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _text

ROOT = "/proc"
_ENDED = ("Z", "X")
_STARTED = 19


@dataclass(frozen=True)
class Process:
    """One process.

    Attributes:
        state: One letter, such as ``S``.
        parent: Number of the process that it belongs to.
        began: When it began, in clock ticks since the boot: tells it from a later one with the same number.
    """

    state: str
    parent: int
    began: int

    @property
    def alive(self) -> bool:
        """Whether it can still do anything; a zombie can't."""
        return self.state not in _ENDED


def process(pid: int, root: str = ROOT) -> Optional[Process]:
    """A process; None where there is no such one (or no /proc)."""
    # The name stands in parentheses and may hold spaces and parentheses itself: fields are counted after the last.
    fields = _text.readable("%s/%d/stat" % (root, pid)).rpartition(")")[2].split()
    if len(fields) <= _STARTED:
        return None
    return Process(fields[0], int(fields[1]), int(fields[_STARTED]))


def words(pid: int, root: str = ROOT) -> List[str]:
    """The command and its arguments; empty for a process of the kernel, a zombie, and where there is none."""
    text = _text.readable("%s/%d/cmdline" % (root, pid)).rstrip("\0")
    return text.split("\0") if text else []
