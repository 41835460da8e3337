#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a node out of service and gives it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_maintenance
short_description: Take a node out of service for work on its GPUs, and give it back
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - Cordons and empties a node by the eviction API, waits for its return from a reboot, and uncordons it if, and only if, it was this
    module that cordoned it.
  - What was done stands in an annotation of the node, so that a later run goes on where an earlier one was interrupted. One run at a
    time has nodes of a cluster in maintenance, by a Lease that expires by itself.
  - A busy node is left as it was, and the result says why it is busy. That is no failure, and the next run takes it.
options:
  state:
    description:
      - V(inspected) only says what V(drained) would do.
      - V(drained) cordons the node and evicts its pods, GPU pods first. Pods of DaemonSets, mirror pods and finished pods stay.
        Where something keeps the node busy, or pods are left when the time is over, it is given back and O(state) in the result
        is V(busy).
      - V(returned) waits until the node has booted anew since it was drained, and is ready.
      - V(released) waits until the node is ready and offers its GPUs, and gives it back.
      - V(failed) keeps it cordoned, with O(reason) as annotation and event.
      - V(ended) gives the Lease back, at the end of a run, and names all nodes that are in maintenance, whoever left them.
    type: str
    choices: [inspected, drained, returned, released, failed, ended]
    required: true
  node:
    description: Name of the node in the cluster.
    type: str
    required: true
  run:
    description:
      - A text that all tasks of one run have in common, and no other run has. By default it is made of the process of
        ansible-playbook, which works where that runs on the same machine.
    type: str
    default: ""
  what:
    description: What is done to the node, for people.
    type: str
    default: ""
  reason:
    description: Why it failed, with O(state=failed).
    type: str
    default: ""
  drain:
    description: How it is emptied.
    type: dict
    default: {}
    suboptions:
      scope:
        description: V(gpu) evicts only pods that hold GPUs, V(all) every pod that can go. Before a reboot take V(all).
        type: str
        choices: [gpu, all]
        default: all
      timeout:
        description: Seconds until the node must be empty.
        type: int
        default: 600
      grace:
        description: Seconds that each pod gets to end, in place of its own.
        type: int
      busy:
        description: Whether a busy node is skipped, or waited for.
        type: str
        choices: [skip, wait]
        default: skip
      wait_timeout:
        description: Seconds to wait for a busy node.
        type: int
        default: 3600
      wait_for:
        description: Annotation by which a pod asks, to be left to its end. Every value but V(false) asks.
        type: str
        default: gpu-observability.openhands.dev/wait-for-completion
      delete_empty_dir:
        description: Whether pods with an emptyDir may be evicted, whose content is lost.
        type: bool
        default: false
      delete_unmanaged:
        description: Whether pods may be evicted that no controller would make anew.
        type: bool
        default: false
  pause:
    description:
      - Labels that the node gets while it is in maintenance, so that DaemonSets that hold its GPUs leave it. What they said before is
        restored.
    type: dict
    default:
      gpu-observability.openhands.dev/gpu-clients: paused
  budget:
    description:
      - How many nodes may be out of service at once, as a number or a percentage. Nodes that are cordoned by others or not ready
        count. Empty for no limit.
    type: str
    default: ""
  fleet:
    description: Label selector of the nodes that O(budget) counts; all by default.
    type: str
    default: ""
  ceph:
    description:
      - With V(auto), a node that carries Ceph's OSDs or monitors is busy while placement groups aren't clean or monitors are missing, and
        while a node of another failure domain is in maintenance.
    type: str
    choices: [auto, ignore]
    default: auto
  failure_domain:
    description: Node label of Ceph's failure domain; where a node hasn't got it, it is its own.
    type: str
    default: topology.kubernetes.io/zone
  ceph_timeout:
    description:
      - Seconds that Ceph gets to become clean, where nothing else keeps a node with its daemons busy and no other node is in maintenance.
        So the next node waits for Ceph to recover from the one before it, even with V(skip) in O(drain.busy).
    type: int
    default: 600
  ready_timeout:
    description: Seconds to wait for the node with O(state=returned) and O(state=released).
    type: int
    default: 1800
  expected_gpus:
    description: How many C(nvidia.com/gpu) the node must offer before it is given back; V(0) asks for none.
    type: int
    default: 0
  namespace:
    description: Namespace of the Lease.
    type: str
    default: kube-system
  lease_seconds:
    description:
      - How long the Lease lasts after the last task of a run. A run of this machine that is gone is noticed at once.
    type: int
    default: 7200
extends_documentation_fragment:
  - openhands.gpu_observability.connection
attributes:
  check_mode:
    support: full
    description: Only says what would be done.
  diff_mode:
    support: none
    description: The result names the pods.
notes:
  - Needs the Python libraries urllib3 and PyYAML where it runs.
seealso:
  - module: openhands.gpu_observability.driver_reload
"""

EXAMPLES = r"""
- name: Empty a node, if nothing keeps it busy
  openhands.gpu_observability.node_maintenance:
    state: drained
    node: gpu-a01
    run: 2026-11-23T09:00:00Z
    what: driver 550.163.01 to 580.95.05
    budget: 10%
    drain:
      scope: gpu
      timeout: 900
  register: drained

- name: Give it back
  openhands.gpu_observability.node_maintenance:
    state: released
    node: gpu-a01
    run: 2026-11-23T09:00:00Z
    expected_gpus: 8
  when: drained.state == 'drained'
"""

RETURN = r"""
node:
  description: The node.
  returned: success
  type: str
  sample: gpu-a01
state:
  description: Where it stands now, V(in_service), V(busy), V(draining), V(drained), V(failed) or V(ended).
  returned: success
  type: str
  sample: drained
busy:
  description: What keeps it from being drained; empty where nothing does.
  returned: success
  type: str
  sample: "PodDisruptionBudget ml/trainer keeps pod ml/trainer-0"
cordoned_by_us:
  description: Whether it was this module that made it unschedulable.
  returned: success
  type: bool
  sample: true
labels:
  description: The node's labels.
  returned: success
  type: dict
  sample: {kubernetes.io/hostname: gpu-a01}
evicted:
  description: Pods that were asked to go.
  returned: success
  type: list
  elements: str
  sample: [ml/trainer-0]
would_evict:
  description: Pods that would be asked to go.
  returned: with O(state=inspected), in check mode, and where it is busy
  type: list
  elements: str
  sample: [ml/trainer-0]
out:
  description: The cluster's nodes that are in maintenance, each with C(node), C(state), C(since), C(what) and C(reason).
  returned: with O(state=ended)
  type: list
  elements: dict
  sample: [{node: gpu-a02, state: failed, since: "2026-11-23T09:14:00Z", what: driver 550.163.01 to 580.95.05, reason: no answer}]
"""

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _module
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import NODE_MAINTENANCE_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import maintenance


def main() -> None:
    """Bring the node to the state."""
    module = _module.make(NODE_MAINTENANCE_ARGSPEC)
    _module.answer(module, lambda options: maintenance.run(options, module.check_mode))


if __name__ == "__main__":
    main()
