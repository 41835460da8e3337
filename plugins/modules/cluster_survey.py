#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what a cluster has already."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_survey
short_description: Find what a cluster already has of what this site brings, with its owner
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - Looks once at a cluster for other installations of what this collection brings (a Prometheus Operator, node_exporter,
    kube-state-metrics, instances of Prometheus and Alertmanager) and of its neighbours (GPU Operator, dcgm-exporter,
    cert-manager, the operators of Loki, Grafana and Tempo, Rook, OpenTelemetry). It writes nothing.
  - Names the owner of each by the marks that tools leave, such as a Helm release, an Argo CD application, a Flux object or an
    OLM package, and the release it is from.
  - Fails where something is in the way of a component and the site has not chosen what to do about it. What can stand
    beside ours is only listed. What carries this collection's own labels is not listed.
  - "In the way is: definitions that another tool owns; an operator that looks after the same namespaces; a DaemonSet
    that takes the same port of its nodes; an object with the name that ours gets."
options:
  namespace:
    description:
      - Namespace of the stack. With it every object that the components make by default is looked up, and one that belongs to
        somebody else is in the way.
    type: str
  agents_namespace:
    description:
      - Namespace of the agents; O(namespace) by default.
    type: str
  components:
    description:
      - The components of this site. Only these can be in the way.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the role.
        type: str
        required: true
      existing:
        description:
          - V(stop) makes what is in the way an error.
          - V(adopt) takes over objects of the same name, and definitions, with their data.
          - V(use) relies on what is there; possible for C(prometheus_operator), C(node_exporter) and C(kube_state_metrics).
            It is an error where nothing that works is found.
        type: str
        choices: [stop, adopt, use]
        default: stop
      own:
        description: Further objects that the component makes, whose names may be taken.
        type: list
        elements: dict
        default: []
        suboptions:
          kind:
            description: Kind of the object.
            type: str
            required: true
          namespace:
            description: Its namespace.
            type: str
          name:
            description: Its name.
            type: str
            required: true
      host_ports:
        description: Ports of the nodes that it needs.
        type: list
        elements: int
        default: []
      arguments:
        description: Flags of our own operator that say which namespaces it looks after.
        type: list
        elements: str
        default: []
      namespaces:
        description: Namespaces of the instances that an operator has to look after.
        type: list
        elements: str
        default: []
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
  - It sees what the API server knows. A node_exporter that runs as a service of the host is not found.
"""

EXAMPLES = r"""
- name: Find out what is there
  openhands.gpu_observability.cluster_survey:
  register: __survey

- name: Stop where another node_exporter takes the port, and rely on the operator that is there
  openhands.gpu_observability.cluster_survey:
    namespace: monitoring
    agents_namespace: monitoring-agents
    components:
      - name: prometheus_operator
        existing: use
        namespaces: [monitoring]
      - name: node_exporter
        host_ports: [9100]
"""

RETURN = r"""
found:
  description: Everything that was found and isn't this collection's.
  returned: when the cluster could be read
  type: list
  elements: dict
  contains:
    product:
      description: What it is.
      type: str
    component:
      description: The role that brings the same; empty where none does.
      type: str
    kind:
      description: Kind of the object.
      type: str
    namespace:
      description: Namespace of the object; empty for cluster-wide kinds.
      type: str
    name:
      description: Name of the object. Definitions of one product are one entry.
      type: str
    owner:
      description: Who keeps it, by the marks on the object; empty where there are none.
      type: str
    version:
      description: Its version, by image or label; of definitions the release that they name.
      type: str
    managers:
      description: Field managers of the object.
      type: list
      elements: str
    choice:
      description: What the site chose for the component; empty where it has none.
      type: str
    outcome:
      description: What comes of it.
      type: str
  sample:
    - product: Prometheus Operator
      component: prometheus_operator
      kind: Deployment
      namespace: watching
      name: kps-kube-prometheus-stack-operator
      owner: Helm release watching/kps (chart kube-prometheus-stack 65.1.0)
      version: 0.77.1
      managers: [helm]
      choice: stop
      outcome: in the way
table:
  description: The same as lines of a table.
  returned: when the cluster could be read
  type: list
  elements: str
  sample:
    - product  found  owner  version  choice  outcome
use:
  description: Per component with V(use) what it relies on, and how its pods are scraped.
  returned: when the cluster could be read
  type: dict
  sample:
    node_exporter:
      kind: DaemonSet
      namespace: watching
      name: kps-prometheus-node-exporter
      version: 1.8.2
      labels: {app.kubernetes.io/name: prometheus-node-exporter}
      port: http-metrics
      scheme: http
unread:
  description: Kinds that this login may not list.
  returned: when the cluster could be read
  type: list
  elements: str
  sample: []
problems:
  description: What is in the way.
  returned: when the cluster could be read
  type: list
  elements: str
  sample: []
"""

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _module
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import CLUSTER_SURVEY_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._survey import survey


def main() -> None:
    """Look once."""
    _module.answer(_module.make(CLUSTER_SURVEY_ARGSPEC), survey.run)


if __name__ == "__main__":
    main()
