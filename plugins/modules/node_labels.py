#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives nodes the labels that say what they have."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_labels
short_description: Give nodes the labels by which DaemonSets find them
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - A DaemonSet whose node selector no node fulfils runs nowhere, and Kubernetes calls that complete. This gives nodes the labels that
    such a selector asks for, or says which nodes lack them.
  - Only what is missing is written. A label that has another value already is its owner's, and is left alone.
options:
  state:
    description:
      - V(present) gives every one of O(nodes) the labels that it lacks, after asking whether this login may.
      - V(seen) writes nothing, and fails where one of O(nodes) lacks a label or has another value, or where there is none of O(nodes) and
        not one of O(perhaps) has all of them.
    type: str
    choices: [present, seen]
    default: present
  nodes:
    description: Names of the nodes.
    type: list
    elements: str
    required: true
  perhaps:
    description: Names of nodes of which it isn't known whether they should have the labels, with O(state=seen).
    type: list
    elements: str
    default: []
  labels:
    description: The labels with their values.
    type: dict
    required: true
  what:
    description: What looks for the labels, for the message of O(state=seen).
    type: str
    default: ""
extends_documentation_fragment:
  - openhands.gpu_observability.connection
attributes:
  check_mode:
    support: full
    description: Says which nodes would get labels.
  diff_mode:
    support: full
    description: Shows the labels of each node that gets some.
notes:
  - Needs the Python libraries urllib3 and PyYAML where it runs.
seealso:
  - module: openhands.gpu_observability.gpu_info
"""

EXAMPLES = r"""
- name: Say that a node has GPUs
  openhands.gpu_observability.node_labels:
    nodes: [gpu-a01]
    labels:
      nvidia.com/gpu.present: "true"

- name: See whether the exporter can find its nodes
  openhands.gpu_observability.node_labels:
    state: seen
    nodes: [gpu-a01, gpu-a02]
    labels:
      nvidia.com/gpu.present: "true"
    what: dcgm-exporter
"""

RETURN = r"""
labelled:
  description: Nodes that got labels, or would in check mode.
  returned: success
  type: list
  elements: str
  sample: [gpu-a01]
kept:
  description: Labels that have another value, and who set it.
  returned: success
  type: list
  elements: str
  sample: ["node gpu-a02 has the label nvidia.com/gpu.present=false, set by kubectl-label, and not true"]
checks:
  description: What was seen.
  returned: with O(state=seen)
  type: list
  elements: dict
  sample: [{name: nodes, ok: true, detail: 2 of the inventory's GPU hosts, seconds: 0.0}]
"""

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _module
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import NODE_LABELS_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import labels


def main() -> None:
    """Give the labels."""
    module = _module.make(NODE_LABELS_ARGSPEC)
    _module.answer(module, lambda options: labels.run(options, module.check_mode))


if __name__ == "__main__":
    main()
