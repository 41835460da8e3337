#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; nothing runs on the target."""

from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Show where every component of a site stands
version_added: 0.1.0
description:
  - With O(component), makes one record of a component from the registered results of M(openhands.gpu_observability.rollout_info)
    (what is there) and of M(openhands.gpu_observability.rollout) in check mode (what a rerun would change), and keeps it.
  - With O(cluster), shows a table of all records, writes them as JSON to O(path), and fails where one is not as the inventory says.
  - Asks no cluster itself and writes to none.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  begin:
    description: Forget earlier records and start the clock.
    type: bool
    default: false
  component:
    description: Name of the component whose record is made.
    type: str
  wanted:
    description: Version that should run.
    type: str
    default: ""
  images:
    description: Repositories of the component's images as the release lock has them; their tags are the versions that run.
    type: list
    elements: str
    default: []
  transform:
    description: Option of the same name of M(openhands.gpu_observability.rollout), to know the images where a mirror has them.
    type: dict
    default: {}
  info:
    description: Registered result of M(openhands.gpu_observability.rollout_info) with its option RV(ignore:running).
    type: raw
    default: {}
  rollout:
    description: Registered result of M(openhands.gpu_observability.rollout) in check mode.
    type: raw
    default: {}
  error:
    description: Why there is no result of a rollout.
    type: str
    default: ""
  cluster:
    description: Name of the cluster whose table is shown.
    type: str
  kubernetes_version:
    description: Version of its server.
    type: str
    default: ""
  problem:
    description: Why the cluster could not be looked at.
    type: str
    default: ""
  path:
    description: JSON file to write; none by default.
    type: path
    default: ""
  fail:
    description: Whether to fail where something is not as the inventory says; V(false) only warns.
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode and do the same; the JSON file is written too.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is changed.
"""

EXAMPLES = r"""
- name: Start the clock
  openhands.gpu_observability.status:
    begin: true

- name: Keep where Alertmanager stands
  openhands.gpu_observability.status:
    component: alertmanager
    wanted: 0.31.1
    images: [quay.io/prometheus/alertmanager]
    info: "{{ looked_at | default({}) }}"
    rollout: "{{ compared | default({}) }}"

- name: Show the table
  openhands.gpu_observability.status:
    cluster: gpu-west
    path: reports/gpu-west-status.json
    fail: false
"""

RETURN = r"""
record:
  description: What is known of the component.
  returned: with O(component)
  type: dict
  contains:
    component:
      description: Name of the component.
      type: str
    running:
      description: Versions that run.
      type: list
      elements: str
    wanted:
      description: Version that should run.
      type: str
    verdict:
      description: The worst verdict of its objects; V(not_found) where it was not rolled out, V(unknown) where nobody can tell.
      type: str
    reasons:
      description: One sentence for each object that is not current.
      type: list
      elements: str
    drift:
      description: What a rerun would change, with the paths of fields and the effect; no values.
      type: list
      elements: dict
    compared:
      description: Whether what is there could be compared with what is wanted.
      type: bool
    problem:
      description: Why it could not.
      type: str
    images:
      description: Containers, images and numbers of pods.
      type: list
      elements: dict
    lease:
      description: Who is at work on the component; empty where nobody is.
      type: str
    wrong:
      description: What is not as the inventory says, in a word each. Empty where all is.
      type: list
      elements: str
ok:
  description: Whether everything is as the inventory says.
  returned: with O(cluster)
  type: bool
path:
  description: The JSON file; empty where none was asked for.
  returned: with O(cluster)
  type: str
"""
