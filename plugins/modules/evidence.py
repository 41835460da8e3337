#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; nothing runs on the target."""

from __future__ import annotations

DOCUMENTATION = r"""
module: evidence
short_description: Keep what a component's verification showed
version_added: 0.1.0
description:
  - Makes one record of the registered results of a component's verification and adds it to the host fact
    C(__platform_evidence), which M(openhands.gpu_observability.report) takes.
  - Never fails because a check did, so that one component doesn't keep the others from being looked at.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  begin:
    description: Forget earlier records and start the clock. Excludes O(component).
    type: bool
    default: false
  component:
    description: Name of the component.
    type: str
  version:
    description: Version that was looked at.
    type: str
    default: ""
  results:
    description:
      - Registered results of M(openhands.gpu_observability.rollout_info), M(openhands.gpu_observability.prometheus_check),
        M(openhands.gpu_observability.alertmanager_check), M(openhands.gpu_observability.probe) or any other module. One that
        was skipped says nothing; one that failed without checks is a check that does not hold.
    type: list
    elements: raw
    default: []
attributes:
  check_mode:
    description: Can run in check mode and do the same.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is changed.
"""

EXAMPLES = r"""
- name: Start the clock
  openhands.gpu_observability.evidence:
    begin: true

- name: Record the evidence
  openhands.gpu_observability.evidence:
    component: alertmanager
    version: 0.31.1
    results:
      - "{{ objects | default({}) }}"
      - "{{ answers | default({}) }}"
"""

RETURN = r"""
record:
  description: The record.
  returned: when O(component) is given
  type: dict
  sample:
    component: alertmanager
    version: 0.31.1
    verdict: current
    checks: [{name: objects, ok: true, detail: 9 current, seconds: 0.0}]
    seconds: 0.8
"""
