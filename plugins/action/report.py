# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show the evidence as a table and write it as JSON; fail when it doesn't hold."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.openhands.gpu_observability.plugins.module_utils._report import (
    document,
    failed,
    hops,
    table,
)
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _document

ARGUMENT_SPEC = {
    "cluster": {"type": "str", "required": True},
    "kubernetes_version": {"type": "str", "default": ""},
    "evidence": {"type": "dict", "required": True},
    "expected": {"type": "list", "elements": "str", "default": []},
    "proofs": {"type": "list", "elements": "dict", "default": []},
    "path": {"type": "path", "default": ""},
}
display = Display()


class ActionModule(ActionBase):
    """Runs on the controller: that is where the person and the file are."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Show, write, judge."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(ARGUMENT_SPEC)
        records = list(options["evidence"]["records"])
        known = {record["component"] for record in records}
        records += [_never_looked_at(name) for name in options["expected"] if name not in known]
        proofs = [proof for proof in options["proofs"] if not proof.get("skipped")]
        facts = _document.facts(options, float(options["evidence"]["started"]))
        path = _document.place(options)
        lines = table(records) + hops(proofs)
        display.display(_document.screen(facts, "verified", lines, "report", path), stderr=True)
        _document.save(path, "report", document(records, proofs, facts))
        wrong = failed(records) + ["alert %s" % proof.get("alertname") for proof in proofs if not proof.get("ok")]
        result.update(changed=False, failed=bool(wrong), path=path, ok=not wrong)
        if wrong:
            result["msg"] = "Not proven on %s: %s. The table above says why." % (options["cluster"], ", ".join(wrong))
        return result


def _never_looked_at(component: str) -> Dict[str, Any]:
    check = {"name": "evidence", "ok": False, "detail": "the verification did not get this far", "seconds": 0.0}
    return {"component": component, "version": "", "verdict": "failed", "checks": [check], "seconds": 0.0}
