#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Silences alerts for a bounded time."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alert_silence
short_description: Silence the alerts about something that is being worked on
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - Makes, extends and ends silences in an Alertmanager in the cluster, reached through the API server's port-forward.
  - A silence ends by itself, so that a run that was cut off leaves no cluster in silence.
options:
  state:
    description: V(present) makes or extends them, V(absent) ends those of the same O(name).
    type: str
    choices: [present, absent]
    default: present
  name:
    description: By which a later task finds them.
    type: str
    required: true
  matchers:
    description: Each is a silence of its own, so that an alert that meets one of them is silenced.
    type: list
    elements: dict
    required: true
    suboptions:
      label:
        description: Label of the alert.
        type: str
        required: true
      value:
        description: What it must be.
        type: str
        required: true
      regex:
        description: Whether O(matchers[].value) is a regular expression.
        type: bool
        default: false
  minutes:
    description: How long they last. One with less than half of it left is extended.
    type: int
    default: 120
  comment:
    description: For people; O(name) by default.
    type: str
    default: ""
  required:
    description: Whether it is a failure that nobody can be silenced, as where Alertmanager isn't there yet. Else it is a warning.
    type: bool
    default: false
  namespace:
    description: Namespace of Alertmanager.
    type: str
    default: monitoring
  service:
    description: Service of Alertmanager.
    type: str
    default: alertmanager
  port:
    description: Port of the Service, by name or number.
    type: str
    default: web
  path_prefix:
    description: What Alertmanager's paths begin with.
    type: str
    default: ""
extends_documentation_fragment:
  - openhands.gpu_observability.connection
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: The silence is all there is.
notes:
  - Needs the Python libraries urllib3 and PyYAML where it runs.
seealso:
  - module: openhands.gpu_observability.node_maintenance
"""

EXAMPLES = r"""
- name: Silence the alerts about a node
  openhands.gpu_observability.alert_silence:
    name: driver of gpu-a01
    matchers:
      - label: node
        value: gpu-a01
      - label: hostname
        value: gpu-a01
    minutes: 60

- name: Let them be heard again
  openhands.gpu_observability.alert_silence:
    state: absent
    name: driver of gpu-a01
    matchers: []
"""

RETURN = r"""
silences:
  description: How many silences of this name there are now.
  returned: success
  type: int
  sample: 2
"""

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _module
from ansible_collections.openhands.gpu_observability.plugins.module_utils._argspec import ALERT_SILENCE_ARGSPEC
from ansible_collections.openhands.gpu_observability.plugins.module_utils._nodes import silence


def main() -> None:
    """Bring the silences to the state."""
    module = _module.make(ALERT_SILENCE_ARGSPEC)
    _module.answer(module, lambda options: silence.run(options, module.check_mode))


if __name__ == "__main__":
    main()
