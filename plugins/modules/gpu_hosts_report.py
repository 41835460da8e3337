#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; nothing runs on the target."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_hosts_report
short_description: Show the plans of all GPU hosts as one table and write them as JSON
version_added: 0.1.0
description:
  - Shows a table on standard error, with the host, its driver now, the one wanted, the change, whether it needs a drain and a
    reboot, and what it is blocked by or waits for; the reasons with their ways out stand below the row.
  - Of more than O(rows) hosts those with the same row share one, with their names folded, such as C(gpu[001-128]).
  - Writes the same as JSON. The file is replaced at once, never half written.
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
        description: Why there is no plan, for a host that couldn't be reached or looked at.
        type: str
        default: ""
  title:
    description: What stands above the table.
    type: str
    default: GPU hosts
  rows:
    description: Up to so many hosts have a row each.
    type: int
    default: 40
  path:
    description: The JSON file, relative to the current directory. No file is written when empty. Its folder is made.
    type: path
    default: ""
  fail:
    description: Whether the task fails where a host is blocked or has an error.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and do the same.
    support: full
    details: The file is written in check mode too, since the plans were made all the same.
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is changed.
seealso:
  - module: openhands.gpu_observability.driver_plan
"""

EXAMPLES = r"""
- name: Show what would be done to the GPU hosts
  openhands.gpu_observability.gpu_hosts_report:
    # [{host: gpu-01, plan: {...}}, {host: gpu-02, error: unreachable}]
    hosts: "{{ planned_hosts }}"
    path: reports/gpu_hosts.json
  run_once: true
"""

RETURN = r"""
ok:
  description: Whether no host is blocked or has an error.
  returned: always
  type: bool
  sample: true
counts:
  description: Hosts by where they stand.
  returned: always
  type: dict
  sample: {failed: 0, blocked: 1, pending: 3, change: 0, as_wanted: 96, left_alone: 0}
bad:
  description: The hosts that are blocked or have an error.
  returned: always
  type: list
  elements: str
path:
  description: The file that was written.
  returned: always
  type: str
  sample: /home/me/reports/gpu_hosts.json
"""
