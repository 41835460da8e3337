# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Where one object stands: a pure decision from the object and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Object, Status, Verdict


@dataclass(frozen=True)
class CustomCondition:
    """A site's own rule for a kind: JMESPath over the object, true when it is current or has failed."""

    api_version: str
    kind: str
    name: Optional[str]
    current: str
    failed: Optional[str] = None


def assess(obj: Object, children: Sequence[Object] = (), conditions: Sequence[CustomCondition] = ()) -> Verdict:
    """Judge a live object. Never raises, whatever the object lacks."""
    return Verdict(Status.IN_PROGRESS, "no rule yet")
