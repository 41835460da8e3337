# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Shows how a run ended for every GPU host, writes it as JSON, and ends the run as failed where a host failed."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import outcomes
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import out
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
            "way": {"type": "str", "default": "none"},
            "outcome": {"type": "dict", "default": {}},
        },
    },
    "clusters": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "out": {"type": "list", "elements": "dict", "default": []},
            "error": {"type": "str", "default": ""},
        },
    },
    "path": {"type": "path", "default": ""},
    "fail": {"type": "bool", "default": True},
}
ARE_NOT = "%d of %d GPU hosts are not as the inventory says: %s. The table says why."


class ActionModule(ActionBase):
    """Runs on the controller: that is where the person and the file are."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Show, write, and fail where a host did."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(ARGUMENT_SPEC)
        entries = options["hosts"]
        lines = ["GPU hosts, how the run ended:", *(outcomes.lines(entries) if entries else ["No GPU hosts."])]
        lines += out.lines(options["clusters"])
        document = outcomes.document(entries, _hosts_report.facts("GPU hosts, end of the run"))
        document["clusters"] = options["clusters"]
        result.update(_hosts_report.publish(options, lines, document, outcomes.bad(entries), ARE_NOT))
        return result
