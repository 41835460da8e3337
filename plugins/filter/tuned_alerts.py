# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter tuned_alerts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _alerts, _loader


def tuned_alerts(text: Any, wishes: Any) -> str:
    """Return the manifests of a text with the alerts in them tuned."""
    if not isinstance(wishes, Mapping):
        raise AnsibleFilterError("tuned_alerts: expected a dictionary of alert names, got %s" % type(wishes).__name__)
    if not wishes:
        return str(text)
    try:
        _alerts.check(wishes)
    except _alerts.TuningError as exc:
        raise AnsibleFilterError("platform_alerts: %s" % exc) from exc
    bodies = [manifest.body for manifest in _loader.load(str(text), "rules")]
    return "\n---\n".join(json.dumps(_alerts.tuned_object(body, wishes)) for body in bodies)


class FilterModule:
    """Ansible's entry."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        """Names to functions."""
        return {"tuned_alerts": tuned_alerts}
