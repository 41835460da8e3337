# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What the modules share when they start."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError


def make(argument_spec: Any, **options: Any) -> AnsibleModule:
    """Make a module. A kubeconfig's path is no secret and errors name it; its content stays hidden."""
    module = AnsibleModule(  # type: ignore[no-untyped-call]
        argument_spec=argument_spec, supports_check_mode=True, **options
    )
    path = module.params.get("kubeconfig")
    if isinstance(path, str):
        module.no_log_values.discard(path)
    return module


def answer(module: AnsibleModule, look: Callable[[Mapping[str, Any]], Dict[str, Any]]) -> None:
    """End a module with what a look at its parameters' cluster gave, or with why there is none."""
    try:
        result = look(module.params)
    except RolloutError as error:
        end(module, {**error.result, "failed": True, "msg": error.message})
    end(module, result)


def end(module: AnsibleModule, result: Mapping[str, Any]) -> None:
    """End a module with a result, its warnings said the way Ansible wants them."""
    for text in result.get("warnings", ()):
        module.warn(text)
    module.exit_json(**{key: value for key, value in result.items() if key != "warnings"})
