# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Shows how a run ended for every GPU host, writes it as JSON, and ends the run as failed where a host failed."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any, Dict, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import outcomes
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.folding import shortened
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import out
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _document
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils._version import collection_version

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
display = Display()


class ActionModule(ActionBase):
    """Runs on the controller: that is where the person and the file are."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Show, write, and fail where a host did."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(ARGUMENT_SPEC)
        entries = options["hosts"]
        path = _document.place(options)
        lines = outcomes.lines(entries) if entries else ["No GPU hosts."]
        lines += out.lines(options["clusters"])
        display.display(
            "\n".join(["", "GPU hosts, how the run ended:", *lines, *(["report: %s" % path] if path else []), ""]),
            stderr=True,
        )
        now = datetime.fromtimestamp(time.time(), timezone.utc).isoformat(timespec="seconds")
        facts = {"collection_version": collection_version(), "title": "GPU hosts, end of the run", "written": now}
        document = {**outcomes.document(entries, facts), "clusters": options["clusters"]}
        _document.save(path, "report", document)
        bad = outcomes.bad(entries)
        result.update(changed=False, ok=not bad, path=path, counts=document["counts"], bad=bad)
        if bad:
            text = "%d of %d GPU hosts are not as the inventory says: %s. The table says why."
            result["msg"] = text % (len(bad), len(entries), shortened(bad, 200))
            result["failed"] = bool(options["fail"])
        return result
