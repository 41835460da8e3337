# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the proof in this process, so that the person watching sees each hop when it is reached."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import pod_transport
from ansible_collections.openhands.gpu_observability.plugins.module_utils._interrupt import interruptible
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof_task import (
    ALERT_PROOF_ARGSPEC,
    run_alert_proof,
)
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _environment

MODULE = "openhands.gpu_observability.alert_proof"
LOCAL = ("local", "ansible.builtin.local")
display = Display()


class ActionModule(ActionBase):
    """With a local connection it runs here; elsewhere the module runs, and its progress is shown at the end."""

    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Return the proof."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        if self._task.check_mode:
            result.update(changed=False, skipped=True, msg="Skipped in check mode: the proof disturbs the workload.")
            return result
        if self._connection.transport not in LOCAL or self._play_context.become:
            result.update(self._execute_module(module_name=MODULE, task_vars=task_vars))
            for line in result.pop("progress", []):
                self._say(task_vars, line)
            return result
        _validated, options = self.validate_argument_spec(ALERT_PROOF_ARGSPEC)
        try:
            around = _environment.of_task(self._task, self._templar)
            with _environment.applied(around), interruptible():
                transport = pod_transport(options)
                result.update(run_alert_proof(options, transport, lambda line: self._say(task_vars, line)))
        except (RolloutError, ValueError) as error:
            raise AnsibleActionFail(str(error)) from error
        return result

    @staticmethod
    def _say(task_vars: Optional[Dict[str, Any]], line: str) -> None:
        try:
            display.display("[%s] %s" % ((task_vars or {}).get("inventory_hostname", "?"), line), stderr=True)
        except OSError:
            return  # the parent is gone after an interrupt; setting back goes on without words
