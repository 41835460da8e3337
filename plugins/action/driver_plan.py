# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Plans one host's driver from its facts, on the controller: nothing is asked of the host."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.plan import plan
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.wish import OPTIONS

ARGUMENT_SPEC: Dict[str, Dict[str, Any]] = {
    "host": {"type": "dict", "required": True},
    "wish": {"type": "dict", "default": {}, "options": OPTIONS, "apply_defaults": True},
    "changes": {"type": "list", "elements": "dict"},
    "repaired": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):
    """Runs on the controller. A host that can't be planned is no failure of the task: the plan says ``blocked``."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Plan."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(ARGUMENT_SPEC)
        made = plan(
            options["host"],
            options["wish"],
            changes=options["changes"],
            repaired=options["repaired"],
            today=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        )
        result.update(changed=False, plan=made)
        return result
