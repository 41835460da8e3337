# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep where each component stands; at the end show a table, write JSON, and fail where something isn't right."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _status
from ansible_collections.openhands.gpu_observability.plugins.module_utils._report import replaced
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _document

FACT = "__platform_status"
COMPONENT_OPTIONS = {
    "component": {"type": "str"},
    "wanted": {"type": "str", "default": ""},
    "images": {"type": "list", "elements": "str", "default": []},
    "transform": {"type": "dict", "default": {}},
    "info": {"type": "raw", "default": {}},
    "rollout": {"type": "raw", "default": {}},
    "error": {"type": "str", "default": ""},
}
ARGUMENT_SPEC = {
    "begin": {"type": "bool", "default": False},
    **COMPONENT_OPTIONS,
    "cluster": {"type": "str"},
    "kubernetes_version": {"type": "str", "default": ""},
    "problem": {"type": "str", "default": ""},
    "path": {"type": "path", "default": ""},
    "fail": {"type": "bool", "default": True},
}
display = Display()


class ActionModule(ActionBase):
    """Runs on the controller: that is where the person and the file are. Nothing is asked of a cluster here."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Begin, keep one record, or show all of them."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        ways = [["begin", "component", "cluster"]]
        _validated, options = self.validate_argument_spec(ARGUMENT_SPEC, mutually_exclusive=ways, required_one_of=ways)
        empty: Dict[str, Any] = {"started": time.time(), "records": []}
        kept = ((task_vars or {}).get("ansible_facts") or {}).get(FACT) or empty
        result["changed"] = False
        if options["cluster"]:
            return self._show(result, options, kept)
        if options["begin"]:
            kept = empty
        else:
            result["record"] = self._record(options)
            kept = {**kept, "records": replaced(kept["records"], result["record"])}
        result["ansible_facts"] = {FACT: kept}
        return result

    @staticmethod
    def _record(options: Dict[str, Any]) -> Dict[str, Any]:
        info, rollout = (options[key] if isinstance(options[key], dict) else {} for key in ("info", "rollout"))
        images = _status.site_images(options["images"], options["transform"])
        return _status.record(options["component"], options["wanted"], images, info, rollout, error=options["error"])

    @staticmethod
    def _show(result: Dict[str, Any], options: Dict[str, Any], kept: Dict[str, Any]) -> Dict[str, Any]:
        records: List[Dict[str, Any]] = list(kept["records"])
        facts = _document.facts(options, float(kept["started"]))
        report = _status.document(records, options["problem"], facts)
        path = _document.place(options)
        lines = _status.table(records) if records else []
        if options["problem"]:
            lines = ["%s can't be looked at: %s" % (options["cluster"], options["problem"])]
        display.display(_document.screen(facts, "looked at", lines, "status", path), stderr=True)
        _document.save(path, "status", report)
        result.update(ok=report["ok"], path=path)
        if not report["ok"]:
            text = "%s can't be looked at: %s" % (options["cluster"], options["problem"])
            if not options["problem"]:
                names = _status.summary(records) or "nothing was looked at"
                text = "Not as the inventory says on %s: %s. The table above says why." % (options["cluster"], names)
            result["msg"] = text
            if options["fail"]:
                result["failed"] = True
            else:
                display.warning(text)
        return result
