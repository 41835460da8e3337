# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep what a component's verification showed, for the report at the end."""

from __future__ import annotations

import time
from typing import Any, Dict, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.openhands.gpu_observability.plugins.module_utils._report import evidence, replaced

FACT = "__platform_evidence"
ARGUMENT_SPEC = {
    "begin": {"type": "bool", "default": False},
    "component": {"type": "str"},
    "version": {"type": "str", "default": ""},
    "results": {"type": "list", "elements": "raw", "default": []},
}


class ActionModule(ActionBase):
    """Adds one record to the host's; the record of an earlier look at the same component gives way."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Return the record, and the fact that holds all of them."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            ARGUMENT_SPEC, mutually_exclusive=[["begin", "component"]], required_one_of=[["begin", "component"]]
        )
        now = time.time()
        empty = {"started": now, "latest": now, "records": []}
        kept = ((task_vars or {}).get("ansible_facts") or {}).get(FACT) or empty
        if options["begin"]:
            kept = empty
        else:
            results = [item for item in options["results"] if isinstance(item, dict)]
            # nobody times a task file from within: a component took as long as the record before it is old
            record = evidence(options["component"], options["version"], results, now - float(kept["latest"]))
            kept = {**kept, "latest": now, "records": replaced(kept["records"], record)}
            result["record"] = record
        result.update(changed=False, ansible_facts={FACT: kept})
        return result
