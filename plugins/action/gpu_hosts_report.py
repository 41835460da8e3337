# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Shows the plans of all GPU hosts as one table and writes them as JSON."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import fleet
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _hosts_report

ARGUMENT_SPEC: Dict[str, Dict[str, Any]] = {
    "hosts": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "host": {"type": "str", "required": True},
            "plan": {"type": "dict"},
            "error": {"type": "str", "default": ""},
        },
    },
    "title": {"type": "str", "default": "GPU hosts"},
    "rows": {"type": "int", "default": 40},
    "path": {"type": "path", "default": ""},
    "fail": {"type": "bool", "default": False},
}
CANNOT = "%d of %d GPU hosts can't be brought to what the inventory says: %s. The table says why."


class ActionModule(ActionBase):
    """Runs on the controller: that is where the person and the file are."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Show, write, and fail if asked to."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(ARGUMENT_SPEC)
        entries = options["hosts"]
        facts = _hosts_report.facts(options["title"])
        title = "%s: collection %s" % (options["title"], facts["collection_version"])
        lines = [title, *fleet.lines(entries, options["rows"])]
        result.update(_hosts_report.publish(options, lines, fleet.document(entries, facts), fleet.bad(entries), CANNOT))
        return result
