#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says where Kubernetes objects stand."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_info
short_description: Say where a component's Kubernetes objects stand, and why
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - Looks once at the objects that M(openhands.gpu_observability.rollout) recorded for a component, or at any others, and judges
    them by the same rules. It does not wait.
  - What is stuck is explained by the first failing child where one is found.
options:
  component:
    description:
      - A component that was rolled out.
    type: str
  inventory_namespace:
    description:
      - Namespace of the component's record, as it was given to M(openhands.gpu_observability.rollout). Default is V(default).
    type: str
  resources:
    description:
      - Objects to look at.
    type: list
    elements: dict
    suboptions:
      api_version:
        description: API version of the kind.
        type: str
        default: v1
      kind:
        description: The kind.
        type: str
        required: true
      namespace:
        description: Namespace; all of them by default, unless O(resources[].name) is given.
        type: str
      name:
        description: Only the object of this name.
        type: str
      label_selector:
        description: Only objects with these labels.
        type: str
  running:
    description:
      - Whether to look for the pods of O(component) too, and for a run that is at work on it.
    type: bool
    default: false
  conditions:
    description:
      - When objects of a kind that this collection has no rule for are working.
    type: list
    elements: dict
    default: []
    suboptions:
      api_version:
        description: API version of the kind.
        type: str
        required: true
      kind:
        description: The kind.
        type: str
        required: true
      name:
        description: Only the object of this name.
        type: str
      current:
        description: JMESPath over the object; true when it works.
        type: str
        required: true
      failed:
        description: JMESPath over the object; true when waiting is in vain.
        type: str
extends_documentation_fragment:
  - openhands.gpu_observability.connection
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: Changes nothing.
notes:
  - Needs the Python libraries urllib3 and PyYAML where it runs, and kubernetes only for logins by auth-provider.
"""

EXAMPLES = r"""
- name: See where Alertmanager stands
  openhands.gpu_observability.rollout_info:
    component: alertmanager
    inventory_namespace: monitoring
  register: __status

- name: Look at two Deployments and every claim of a namespace
  openhands.gpu_observability.rollout_info:
    resources:
      - api_version: apps/v1
        kind: Deployment
        namespace: monitoring
        name: prometheus-operator
      - api_version: apps/v1
        kind: Deployment
        namespace: monitoring
        name: kube-state-metrics
      - kind: PersistentVolumeClaim
        namespace: monitoring
"""

RETURN = r"""
component:
  description: The component's name, or empty.
  returned: always
  type: str
  sample: alertmanager
server_version:
  description: Version of the Kubernetes server.
  returned: success
  type: str
  sample: v1.36.3
objects:
  description: What was looked at.
  returned: success
  type: list
  elements: dict
  contains:
    api_version:
      description: API version of the object.
      type: str
    kind:
      description: Kind of the object.
      type: str
    namespace:
      description: Namespace of the object; empty for cluster-wide kinds.
      type: str
    name:
      description: Name of the object.
      type: str
    verdict:
      description: V(current), V(in_progress), V(failed), V(terminating) or V(not_found).
      type: str
    reason:
      description: Why the object is where it is.
      type: str
  sample:
    - api_version: monitoring.coreos.com/v1
      kind: Alertmanager
      namespace: monitoring
      name: main
      verdict: in_progress
      reason: 1 of 2 replicas available
verdict:
  description: The worst verdict of all objects; V(current) where there is none.
  returned: success
  type: str
  sample: current
running:
  description: What the component's pods run.
  returned: with O(running)
  type: list
  elements: dict
  contains:
    container:
      description: Name of the container.
      type: str
    image:
      description: Its image.
      type: str
    pods:
      description: How many pods run it.
      type: int
  sample:
    - container: alertmanager
      image: quay.io/prometheus/alertmanager:v0.31.1
      pods: 2
lease:
  description: Who is at work on the component right now; empty where nobody is, or where this login may not know.
  returned: with O(running)
  type: str
  sample: ""
seconds:
  description: How long the look took.
  returned: success
  type: float
  sample: 0.1
"""

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _info, _module
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import ROLLOUT_INFO_ARGSPEC


def main() -> None:
    """Look once."""
    _module.answer(_module.make(ROLLOUT_INFO_ARGSPEC, required_one_of=[["component", "resources"]]), _info.run)


if __name__ == "__main__":
    main()
