#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask every replica of an Alertmanager whether it does its work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alertmanager_check
short_description: Check that every replica of an Alertmanager is settled and hears from Prometheus
version_added: 0.1.0
description:
  - Asks every ready replica over its HTTP API, through the API server's port-forward, and goes on asking until every check
    holds on every replica or O(timeout) is over. A check that doesn't hold fails the task with its reason.
  - Checks readiness, that gossip has settled with O(replicas) members, that the receivers are configured, and that the
    always-firing alert O(heartbeat) has arrived, which shows that Prometheus reaches this replica.
  - Only reads.
author:
  - openhands.gpu_observability contributors (@openhands)
extends_documentation_fragment:
  - openhands.gpu_observability.connection
options:
  namespace:
    description: Namespace of the Alertmanager.
    type: str
    required: true
  name:
    description: Name of the Alertmanager object of the Prometheus Operator.
    type: str
    default: main
  label_selector:
    description: Selects the pods of an Alertmanager that no operator runs. Replaces O(name).
    type: str
  port:
    description: Number or name of the pods' port.
    type: str
    default: web
  path_prefix:
    description: What the path of its API starts with (C(routePrefix), without the slash at its end).
    type: str
    default: ""
  replicas:
    description: How many replicas must be ready and in the gossip cluster.
    type: int
    default: 1
  version:
    description: Version that must run. Not checked when empty.
    type: str
    default: ""
  receivers:
    description: Receivers that must be configured.
    type: list
    elements: str
    default: []
  heartbeat:
    description: Alert that always fires. Not looked for when empty.
    type: str
    default: Watchdog
  timeout:
    description: For how many seconds to ask again.
    type: float
    default: 120
  interval:
    description: Seconds between two rounds.
    type: float
    default: 2
attributes:
  check_mode:
    description: Can run in check mode and do the same.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is changed.
  action_group:
    description: Use V(group/openhands.gpu_observability.kubernetes) in C(module_defaults) to set the connection once.
    support: full
    membership: [openhands.gpu_observability.kubernetes]
"""

EXAMPLES = r"""
- name: Check both replicas
  openhands.gpu_observability.alertmanager_check:
    namespace: monitoring
    name: main
    replicas: 2
    receivers: [slack-notifications, pagerduty-critical]
"""

RETURN = r"""
checks:
  description: Every check, with how long it took until it held.
  returned: always
  type: list
  elements: dict
  sample:
    - name: cluster
      ok: true
      detail: ready, 2 of 2 peers
      seconds: 0.1
pods:
  description: The pods that were asked last.
  returned: always
  type: list
  elements: str
  sample: [alertmanager-main-0, alertmanager-main-1]
attempts:
  description: How many rounds were asked.
  returned: always
  type: int
  sample: 1
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import CONNECTION_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._questions import (
    AlertmanagerExpectations,
    of_alertmanager,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof_task import SERVER_OPTIONS, run_check

ARGUMENT_SPEC = {
    **SERVER_OPTIONS,
    "name": {"type": "str", "default": "main"},
    "receivers": {"type": "list", "elements": "str", "default": []},
    "heartbeat": {"type": "str", "default": "Watchdog"},
    **CONNECTION_ARGSPEC,
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    wanted = AlertmanagerExpectations(params["replicas"], params["receivers"], params["heartbeat"], params["version"])
    run_check(module, "alertmanager", lambda _client: of_alertmanager(wanted))


if __name__ == "__main__":
    main()
