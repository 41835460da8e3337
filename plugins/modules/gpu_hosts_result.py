#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; nothing runs on the target."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_hosts_result
short_description: Show how a run ended for every GPU host, and fail where one did
version_added: 0.1.0
description:
  - Shows a table on standard error with each host's driver before and now, how it ended, and whether its node is cordoned; the
    reason stands below the row. Hosts with the same row share one.
  - Writes the same as JSON.
  - A host that waits for consent, or whose node was busy, is no failure. One that failed, can't get what is wanted, wasn't begun or is
    still cordoned by an earlier run is.
  - Names the nodes that are still out of service, those of hosts too that the run wasn't about.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  hosts:
    description: The hosts.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: Its name.
        type: str
        required: true
      plan:
        description: The C(plan) of M(openhands.gpu_observability.driver_plan).
        type: dict
      error:
        description: Why there is no plan.
        type: str
        default: ""
      way:
        description: Where the plan sent it, one of V(first), V(roll), V(direct), V(held) and V(none).
        type: str
        default: none
      outcome:
        description:
          - What became of it, with C(state) (V(done), V(failed), V(busy), V(not_begun)), C(step), C(detail), C(version), and
            C(cordoned) where its node stays out of service.
        type: dict
        default: {}
  clusters:
    description: The clusters whose nodes the hosts are.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the cluster.
        type: str
        required: true
      out:
        description: Its nodes that are in maintenance, as M(openhands.gpu_observability.node_maintenance) returns them.
        type: list
        elements: dict
        default: []
      error:
        description: Why it couldn't be asked.
        type: str
        default: ""
  path:
    description: The JSON file, relative to the current directory. No file is written when empty.
    type: path
    default: ""
  fail:
    description: Whether the task fails where a host did.
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode and do the same.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is changed.
seealso:
  - module: openhands.gpu_observability.gpu_hosts_report
"""

EXAMPLES = r"""
- name: Say how the GPU hosts ended
  openhands.gpu_observability.gpu_hosts_result:
    hosts:
      - host: gpu-01
        error: "unreachable: no route to host"
    fail: false
  run_once: true
"""

RETURN = r"""
ok:
  description: Whether no host failed.
  returned: always
  type: bool
  sample: true
counts:
  description: Hosts by how they ended.
  returned: always
  type: dict
  sample: {failed: 0, held: 0, blocked: 0, not_begun: 0, busy: 1, pending: 3, done: 4, as_wanted: 92, left_alone: 0}
bad:
  description: The hosts for which the run counts as failed.
  returned: always
  type: list
  elements: str
path:
  description: The file that was written.
  returned: always
  type: str
  sample: /home/me/reports/gpu_hosts-result.json
"""
