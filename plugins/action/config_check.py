# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Has promtool and amtool look at what a rollout would apply, before it is applied."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _loader, _overrides
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import OVERRIDE_OPTIONS
from ansible_collections.openhands.gpu_observability.plugins.module_utils._config_check import credential_errors
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _config_tools, _render
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils._plain import plain

ARGSPEC: Dict[str, Dict[str, Any]] = {
    "templates": {"type": "list", "elements": "str", "default": []},
    "manifests": {"type": "list", "elements": "dict", "default": []},
    "overrides": {"type": "list", "elements": "dict", "default": [], "options": OVERRIDE_OPTIONS},
    "routing_cases": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "labels": {"type": "dict", "required": True},
            "receivers": {"type": "list", "elements": "str", "required": True},
            "never": {"type": "list", "elements": "str", "default": []},
        },
    },
    "credentials": {"type": "dict", "default": {}},
    "promtool": {"type": "str", "default": ""},
    "amtool": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """The action behind the task ``config_check``."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Run the task."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        options = self._options()
        # Before rendering: a template would trip over half a reference to a Secret with a worse message.
        wrong = credential_errors(options["credentials"])
        if wrong:
            return {**result, "changed": False, "failed": True, "errors": wrong, "msg": _message(wrong)}
        try:
            report = _config_tools.run(
                self._manifests(options, task_vars or {}),
                options["routing_cases"],
                options["credentials"],
                options["promtool"],
                options["amtool"],
            )
        except RolloutError as error:
            return {**result, **error.result, "failed": True, "msg": error.message}
        except _config_tools.ToolError as error:
            raise AnsibleActionFail(str(error)) from error
        result.update(report.summary, changed=False, warnings=report.warnings)
        if report.errors:
            result.update(failed=True, errors=report.errors, msg=_message(report.errors))
        return result

    def _options(self) -> Dict[str, Any]:
        validation = ArgumentSpecValidator(ARGSPEC).validate(plain(self._task.args))
        if validation.error_messages:
            raise AnsibleActionFail("config_check: %s" % "; ".join(validation.error_messages))
        return dict(validation.validated_parameters)

    def _manifests(self, options: Mapping[str, Any], variables: Mapping[str, Any]) -> List[Manifest]:
        manifests = _render.of_role(self._task, self._templar, options["templates"], variables)
        for index, body in enumerate(options["manifests"]):
            manifests += _loader.flatten(body, "manifests[%d]" % index)
        # Overrides of objects that aren't looked at here are the rollout's to judge.
        known = {(manifest.id.kind, manifest.id.name) for manifest in manifests}
        ours = [override for override in options["overrides"] if (override["kind"], override["name"]) in known]
        problems = _overrides.apply(manifests, ours)
        if problems:
            raise InvalidInput(problems)
        return manifests


def _message(errors: List[str]) -> str:
    if len(errors) == 1:
        return "Nothing was written: %s" % errors[0]
    return "Nothing was written. %d errors:\n%s" % (len(errors), "\n".join("- " + error for error in errors))
