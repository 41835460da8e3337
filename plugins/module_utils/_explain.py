# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Why an object is stuck: the first failing child's cause in one sentence."""

from __future__ import annotations

from typing import Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Client, Object


def explain(client: Client, obj: Object) -> Optional[str]:
    """Find the first failing child's cause; None where nothing is known."""
    return None
