#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask every replica of a Prometheus whether it does its work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: prometheus_check
short_description: Check that every replica of a Prometheus scrapes, evaluates and has its series
version_added: 0.1.0
description:
  - Asks every ready replica over its HTTP API, through the API server's port-forward, and goes on asking until every check
    holds on every replica or O(timeout) is over. A check that doesn't hold fails the task with its reason.
  - Without further options it checks readiness, the configuration reload, that no target is down, and that every loaded rule
    evaluates without error.
  - Only reads.
author:
  - openhands.gpu_observability contributors (@openhands)
extends_documentation_fragment:
  - openhands.gpu_observability.connection
options:
  namespace:
    description: Namespace of the Prometheus.
    type: str
    required: true
  name:
    description: Name of the Prometheus object of the Prometheus Operator.
    type: str
    default: prometheus
  label_selector:
    description: Selects the pods of a Prometheus that no operator runs. Replaces O(name).
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
    description: How many replicas must be ready.
    type: int
    default: 1
  version:
    description: Version that must run. Not checked when empty.
    type: str
    default: ""
  jobs:
    description:
      - Value of the label C(job) to the number of targets there must be at least. All targets of these jobs must be up.
    type: dict
    default: {}
  may_be_down:
    description: Jobs whose targets may be down, with O(scope=all).
    type: list
    elements: str
    default: []
  scope:
    description:
      - With V(all) no other target may be down either, and every loaded rule must evaluate without error.
      - With V(named) only the jobs, rules and series that are named are judged, not the server itself.
    type: str
    choices: [all, named]
    default: all
  rules:
    description:
      - Names of PrometheusRule objects in O(rules_namespace). Every rule they hold must be loaded.
    type: list
    elements: str
    default: []
  rules_namespace:
    description: Namespace of O(rules). Default is O(namespace).
    type: str
  alerts:
    description: Alerts that must be loaded, wherever they come from.
    type: list
    elements: str
    default: []
  series:
    description: Name to PromQL expression. Each must return at least one series.
    type: dict
    default: {}
  alertmanagers:
    description: How many Alertmanagers must be discovered.
    type: int
    default: 0
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
  openhands.gpu_observability.prometheus_check:
    namespace: monitoring
    name: prometheus
    replicas: 2
    alertmanagers: 2
    jobs:
      model-server: 1
    rules: [model-alerts]
    series:
      requests: inference_requests_total
"""

RETURN = r"""
checks:
  description: Every check, with how long it took until it held.
  returned: always
  type: list
  elements: dict
  sample:
    - name: targets of job model-server
      ok: true
      detail: 2 up
      seconds: 4.1
pods:
  description: The pods that were asked last.
  returned: always
  type: list
  elements: str
  sample: [prometheus-prometheus-0, prometheus-prometheus-1]
attempts:
  description: How many rounds were asked.
  returned: always
  type: int
  sample: 3
"""

from typing import Any, Dict, List, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import CONNECTION_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._ask import Question
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._prometheus import Job
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._questions import (
    PrometheusExpectations,
    of_prometheus,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._checks._rule_objects import Rule, read
from ansible_collections.openhands.gpu_observability.plugins.module_utils._proof_task import SERVER_OPTIONS, run_check
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Client

ARGUMENT_SPEC = {
    **SERVER_OPTIONS,
    "name": {"type": "str", "default": "prometheus"},
    "jobs": {"type": "dict", "default": {}},
    "scope": {"type": "str", "choices": ["all", "named"], "default": "all"},
    "may_be_down": {"type": "list", "elements": "str", "default": []},
    "rules": {"type": "list", "elements": "str", "default": []},
    "rules_namespace": {"type": "str"},
    "alerts": {"type": "list", "elements": "str", "default": []},
    "series": {"type": "dict", "default": {}},
    "alertmanagers": {"type": "int", "default": 0},
    **CONNECTION_ARGSPEC,
}


def expectations(params: Dict[str, Any], rules: Sequence[Rule]) -> PrometheusExpectations:
    """Read what must hold from the options."""
    return PrometheusExpectations(
        jobs=[Job(str(name), int(minimum)) for name, minimum in params["jobs"].items()],
        only_named=params["scope"] == "named",
        may_be_down=params["may_be_down"],
        rules=rules,
        alerts=params["alerts"],
        series={str(name): str(expression) for name, expression in params["series"].items()},
        alertmanagers=params["alertmanagers"],
        version=params["version"],
    )


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params

    def questions(client: Client) -> List[Question]:
        rules = read(client, params["rules_namespace"] or params["namespace"], params["rules"])
        return of_prometheus(expectations(params, rules))

    run_check(module, "prometheus", questions)


if __name__ == "__main__":
    main()
