#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action: it runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: check_variables
short_description: Refuse misspelt variables of this collection's roles
version_added: 0.1.0
description:
  - Looks at every variable that is set for a host, by inventory, play or command line.
  - A variable that starts with the name of one of this collection's roles and that no role knows is an error,
    with the file and line it stands in and the nearest known name.
  - The longest role name wins, so V(prometheus_operator_x) is judged by the role C(prometheus_operator), not C(prometheus).
  - Facts and internal variables (with a leading underscore) are not looked at. Types are checked by argument_specs.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  foreign:
    description:
      - Variables that carry one of our prefixes and belong to another tool that shares the inventory.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Can run in check mode and say the same.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is changed.
"""

EXAMPLES = r"""
- name: Check the names of all variables
  openhands.gpu_observability.check_variables:

- name: Check them, but for a variable that another tool reads
  openhands.gpu_observability.check_variables:
    foreign:
      - prometheus_operator_crds_enabled
"""

RETURN = r"""
checked:
  description: How many variables the roles of this collection know.
  returned: success
  type: int
  sample: 180
"""
