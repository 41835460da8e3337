#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; nothing runs on the target."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_check
short_description: Check rules and Alertmanager configuration before a rollout
version_added: 0.1.0
description:
  - Renders templates exactly as M(openhands.gpu_observability.rollout) does, and has promtool check every PrometheusRule
    and amtool every Alertmanager configuration among the objects.
  - Refuses a route whose C(group_interval) is not longer than the time by which the last replica of an V(Alertmanager) among the
    objects sends later than the first.
  - Routes a table of alerts through the configuration and compares the receivers they reach.
  - Refuses credentials that are placeholders, naming the variable and never showing the value.
  - Runs on the controller and talks to no cluster. Where a tool is missing the result has a warning instead.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  templates:
    description: Templates of the calling role; globs are allowed.
    type: list
    elements: str
    default: []
  manifests:
    description: Inline objects.
    type: list
    elements: dict
    default: []
  overrides:
    description: Changes to the objects, merged by kind and name. Those for objects that are not among the templates are left out.
    type: list
    elements: dict
    default: []
  routing_cases:
    description: Alerts and the receivers they must and must not reach.
    type: list
    elements: dict
    default: []
    suboptions:
      labels:
        description: Labels of the alert.
        type: dict
        required: true
      receivers:
        description: Receivers it must reach; others may get it too.
        type: list
        elements: str
        required: true
      never:
        description: Receivers it must not reach.
        type: list
        elements: str
        default: []
  credentials:
    description:
      - Variable name to its value. A string is a credential, a dictionary refers to a Secret by C(name) and C(key).
      - A name that ends in C(_url) must hold an http or https address. Empty values are skipped.
    type: dict
    default: {}
  promtool:
    description: Path of promtool; empty looks it up on PATH.
    type: str
    default: ""
  amtool:
    description: Path of amtool; empty looks it up on PATH.
    type: str
    default: ""
attributes:
  check_mode:
    description: It never changes anything.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
seealso:
  - module: openhands.gpu_observability.rollout
"""

EXAMPLES = r"""
- name: Check the rules, the configuration and who gets which alert
  openhands.gpu_observability.config_check:
    templates: [config.angle.yaml.j2, rules.angle.yaml.j2]
    routing_cases:
      - labels: {alertname: HighErrorRate, severity: critical}
        receivers: [pagerduty-critical, slack-notifications]
        never: [heartbeat]
    credentials:
      alertmanager_slack_url: "{{ alertmanager_slack_url }}"
"""

RETURN = r"""
rules:
  description: How many rules were looked at.
  returned: success
  type: int
  sample: 12
routing_cases:
  description: How many routing cases were looked at.
  returned: success
  type: int
  sample: 3
tools:
  description: The tools that were found, by name.
  returned: success
  type: dict
  sample: {promtool: /usr/bin/promtool, amtool: /usr/bin/amtool}
errors:
  description: Everything that is wrong, one line each.
  returned: failure
  type: list
  elements: str
  sample:
    - "templates/rules.angle.yaml.j2: PrometheusRule model-alerts, group model.rules, rule HighErrorRate: could not parse expression"
"""
