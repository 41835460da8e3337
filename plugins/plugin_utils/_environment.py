# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The task's ``environment:`` for actions that do their work themselves; Ansible hands it to modules only."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Mapping

from ansible_collections.openhands.gpu_observability.plugins.plugin_utils._plain import plain


def of_task(task: Any, templar: Any) -> Dict[str, str]:
    """The variables of a task; those of the task win over its block's, and these over the play's."""
    merged: Dict[str, str] = {}
    entries = task.environment or []
    for entry in entries if isinstance(entries, list) else [entries]:
        values = plain(templar.template(entry)) if entry else {}
        merged.update({str(key): str(value) for key, value in (values or {}).items()})
    return merged


@contextmanager
def applied(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
