#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that an alert reaches a receiver, and that its end does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alert_proof
short_description: Prove that an alert reaches a receiver and that its end does
version_added: 0.1.0
description:
  - Changes the settings of a workload so that an alert must fire, and follows the alert from Prometheus through Alertmanager to
    a receiver, saying how long each hop took. Then sets the workload back and follows until the resolved notification arrived.
  - Shows progress on standard error while it runs.
  - The workload is set back whatever happens, also when a hop is missing or the run is interrupted.
  - A hop that is not reached within O(timeout) fails the task, which says which hop it was and what to look at.
author:
  - openhands.gpu_observability contributors (@openhands)
extends_documentation_fragment:
  - openhands.gpu_observability.connection
options:
  alertname:
    description: Name of the alert.
    type: str
    required: true
  labels:
    description: Labels that the alert must carry, beside its name.
    type: dict
    default: {}
  prometheus:
    description: The pods of Prometheus. C(path) is what the path of its API starts with.
    type: dict
    required: true
    suboptions: &site
      namespace:
        description: Namespace of the pods.
        type: str
        required: true
      pod:
        description: Name of a pod.
        type: str
      service:
        description: Name of a service; its ready pods are asked.
        type: str
      label_selector:
        description: Label selector; the ready pods it selects are asked.
        type: str
      port:
        description: Number or name of the port.
        type: str
        required: true
      path:
        description: What the path of its API starts with.
        type: str
        default: ""
  alertmanager:
    description: The pods of Alertmanager. C(path) is what the path of its API starts with.
    type: dict
    required: true
    suboptions: *site
  receiver:
    description: Where to ask what was delivered. C(path) includes the query.
    type: dict
    required: true
    suboptions: &request
      namespace:
        description: Namespace of the pods.
        type: str
        required: true
      pod:
        description: Name of a pod.
        type: str
      service:
        description: Name of a service; its ready pods are asked.
        type: str
      label_selector:
        description: Label selector; the ready pods it selects are asked.
        type: str
      port:
        description: Number or name of the port.
        type: str
        required: true
      path:
        description: Path of the request.
        type: str
        required: true
  deliveries:
    description:
      - JMESPath expression that picks the list of deliveries from the receiver's answer. Each delivery has C(alerts) as in
        Alertmanager's webhook payload.
    type: str
    default: deliveries
  workload:
    description: Where the workload's settings are changed. Every ready pod gets them.
    type: dict
    required: true
    suboptions: *request
  method:
    description: Method that changes the settings.
    type: str
    choices: [PUT, POST]
    default: PUT
  trouble:
    description: Settings that make the alert fire.
    type: dict
    required: true
  calm:
    description: Settings that let it end.
    type: dict
    required: true
  timeout:
    description: Seconds that each of the three phases may take (quiet before the start, delivered, resolved).
    type: int
    default: 600
  interval:
    description: Seconds between two looks.
    type: float
    default: 2
attributes:
  check_mode:
    description: Can run in check mode without changing anything.
    support: partial
    details: Skipped in check mode, for it disturbs the workload.
  diff_mode:
    description: Shows what changed.
    support: none
  action_group:
    description: Use V(group/openhands.gpu_observability.kubernetes) in C(module_defaults) to set the connection once.
    support: full
    membership: [openhands.gpu_observability.kubernetes]
"""

EXAMPLES = r"""
- name: Prove that HighErrorRate reaches the receiver
  openhands.gpu_observability.alert_proof:
    alertname: HighErrorRate
    labels: {model: llama-3-8b}
    prometheus: {namespace: monitoring, service: prometheus, port: web}
    alertmanager: {namespace: monitoring, service: alertmanager, port: web}
    receiver:
      namespace: models
      service: webhook-receiver
      port: 8080
      path: /received?alertname=HighErrorRate
    workload: {namespace: models, service: load-generator, port: 8080, path: /settings}
    trouble: {error_rate: 0.5}
    calm: {error_rate: 0.0}
"""

RETURN = r"""
alertname:
  description: The alert.
  returned: always
  type: str
  sample: HighErrorRate
ok:
  description: Whether all hops were reached.
  returned: always
  type: bool
  sample: true
hops:
  description: The hops that were reached, with the seconds since their phase began and since the hop before.
  returned: always
  type: list
  elements: dict
  sample:
    - phase: raised
      name: delivered
      at: "2026-11-23T05:00:00.000+00:00"
      seconds: 31.2
      since_previous: 2.1
      detail: 2 alerts
missing:
  description: The hop that was not reached.
  returned: always
  type: str
  sample: ""
reason:
  description: Why, and what to look at.
  returned: always
  type: str
  sample: ""
restored:
  description: Whether the workload was set back.
  returned: always
  type: bool
  sample: true
seconds:
  description: How long the proof took.
  returned: always
  type: float
  sample: 58.4
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import pod_transport
from ansible_collections.openhands.gpu_observability.plugins.module_utils._interrupt import interruptible
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof_task import (
    ALERT_PROOF_ARGSPEC,
    run_alert_proof,
)


def main() -> None:
    """Run the module, where the action plugin could not run it itself."""
    module = AnsibleModule(argument_spec=ALERT_PROOF_ARGSPEC, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=False, skipped=True, msg="Skipped in check mode: the proof disturbs the workload.")
    lines = []
    try:
        with interruptible():
            result = run_alert_proof(module.params, pod_transport(module.params), lines.append)
    except (RolloutError, ValueError) as error:
        module.fail_json(msg=str(error))
    if result.pop("failed"):
        module.fail_json(progress=lines, **result)
    module.exit_json(progress=lines, **result)


if __name__ == "__main__":
    main()
