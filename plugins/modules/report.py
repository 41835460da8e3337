#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; nothing runs on the target."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Show the evidence about all components and write it as JSON
version_added: 0.1.0
description:
  - Shows a table on standard error, one line per component, with each check that doesn't hold below its component.
  - Writes the same, with every check, as JSON. The file is replaced at once, never half written.
  - Fails when a component or a proof does not hold. A report is no change to the platform, so the task is never changed.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  kubernetes_version:
    description: Version of its API server.
    type: str
    default: ""
  evidence:
    description: The fact C(__platform_evidence) that M(openhands.gpu_observability.evidence) keeps.
    type: dict
    required: true
  expected:
    description: Components there must be a record of. One without is shown as failed.
    type: list
    elements: str
    default: []
  proofs:
    description: Results of M(openhands.gpu_observability.alert_proof).
    type: list
    elements: dict
    default: []
  path:
    description: The JSON file, relative to the current directory. No file is written when empty. Its folder is made.
    type: path
    default: ""
attributes:
  check_mode:
    description: Can run in check mode and do the same.
    support: full
    details: The file is written in check mode too, since the evidence was gathered all the same.
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is changed.
"""

EXAMPLES = r"""
- name: Report
  openhands.gpu_observability.report:
    cluster: lab
    evidence: "{{ ansible_facts['__platform_evidence'] }}"
    path: reports/lab.json
"""

RETURN = r"""
ok:
  description: Whether everything holds.
  returned: always
  type: bool
  sample: true
path:
  description: The file that was written.
  returned: always
  type: str
  sample: /home/me/reports/lab.json
"""
