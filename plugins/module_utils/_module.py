# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What the modules share when they start."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule


def make(argument_spec: Any, **options: Any) -> AnsibleModule:
    """Make a module. A kubeconfig's path is no secret and errors name it; its content stays hidden."""
    module = AnsibleModule(  # type: ignore[no-untyped-call]
        argument_spec=argument_spec, supports_check_mode=True, **options
    )
    path = module.params.get("kubeconfig")
    if isinstance(path, str):
        module.no_log_values.discard(path)
    return module
