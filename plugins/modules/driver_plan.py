#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; nothing runs on the target."""

from __future__ import annotations

DOCUMENTATION = r"""
module: driver_plan
short_description: Plan the GPU driver of one host from its facts
version_added: 0.1.0
description:
  - Says which packages, repository, pins, module options and services a host's driver needs, what would be done to it,
    and what that costs (reload or reboot, drain). Impossible wishes are all listed at once, each with a way out.
  - Runs on the controller and asks nothing of the host. Give it the facts of M(openhands.gpu_observability.gpu_info);
    once M(openhands.gpu_observability.driver_packages) has said in check mode what it would change, give it that too, for the
    final word.
  - A host whose wish can't come true does not fail the task; the plan's C(blocked) says why.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  host:
    description: The C(host) of M(openhands.gpu_observability.gpu_info).
    type: dict
    required: true
  wish:
    description: What the inventory wants; the variables C(nvidia_driver_*).
    type: dict
    default: {}
    suboptions:
      source:
        description: NVIDIA's repository (or a mirror of it), or the distribution's own archive.
        type: str
        default: vendor
        choices: [vendor, archive]
      mirror:
        description: Replaces C(https://developer.download.nvidia.com/compute/cuda/repos).
        type: str
        default: ""
      branch:
        description: The driver branch, such as 580.
        type: str
        default: "580"
      version:
        description: One version of the branch. Its newest where empty.
        type: str
        default: ""
      flavour:
        description: Open or proprietary kernel modules; V(auto) goes by the GPUs, then by the branch's default.
        type: str
        default: auto
        choices: [auto, open, proprietary]
      kind:
        description: Only what computing needs, or the desktop parts too.
        type: str
        default: compute
        choices: [compute, full]
      reboot:
        description: Whether a host may be rebooted where a reload of the modules isn't enough.
        type: str
        default: auto
        choices: [auto, never]
      disruption:
        description: Whether a node may be drained now. Without it such a change is pending.
        type: bool
        default: false
      expected_gpus:
        description: How many GPUs the host must have; not checked where 0.
        type: int
        default: 0
      module_options:
        description: "Options per kernel module, such as C({nvidia: {NVreg_EnableResizableBar: 1}})."
        type: dict
        default: {}
      persistence:
        description: Whether nvidia-persistenced keeps the GPUs initialised with nobody using them.
        type: bool
        default: true
      machine_owner_key:
        description: Under Secure Boot, that a key DKMS signs with is enrolled.
        type: bool
        default: false
      headers:
        description: Packages with the headers of the host's kernels, where it runs one that isn't the distribution's.
        type: list
        elements: str
        default: []
      accept:
        description:
          - Codes of refusals to go ahead in spite of. Only C(branch_os) (a source that isn't known to have the branch)
            and C(known_bad) can be accepted; the plan then carries them as notes.
        type: list
        elements: str
        default: []
      rollback:
        description: Go back to O(wish.previous).
        type: bool
        default: false
      previous:
        description: What was there before the last change. Keys C(version), C(source), C(flavour), C(kind).
        type: dict
        default: {}
  changes:
    description:
      - What M(openhands.gpu_observability.driver_packages) would change. Each has C(name), C(from) and C(to), empty for absent.
      - Leave it out as long as that isn't known; an empty list says that nothing would change.
    type: list
    elements: dict
  repaired:
    description: What M(openhands.gpu_observability.driver_packages) would repair.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Can run in check mode and do the same.
    support: full
  diff_mode:
    description: Shows what changed.
    support: none
    details: Nothing is changed.
seealso:
  - module: openhands.gpu_observability.gpu_info
  - module: openhands.gpu_observability.gpu_hosts_report
"""

EXAMPLES = r"""
- name: Plan the driver
  openhands.gpu_observability.driver_plan:
    host: "{{ gpu_facts.host }}"
    wish:
      branch: "580"
      disruption: true
  register: planned

- name: Show why not
  ansible.builtin.debug:
    msg: "{{ planned.plan.blocked }}"
"""

RETURN = r"""
plan:
  description: The plan.
  returned: always
  type: dict
  contains:
    now:
      description: Version and flavour that are there, empty where none is.
      type: dict
      sample: {version: 570.195.03, flavour: open}
    wanted:
      description: Branch, version (where it is known), flavour, source, kind, and the major CUDA version it brings.
      type: dict
      sample: {branch: "580", version: 580.95.05, flavour: open, source: vendor, kind: compute, cuda: 13}
    packages:
      description: >-
        What M(openhands.gpu_observability.driver_packages) takes. C(install) (name and version, which may be a pattern,
        empty for the candidate under the pins), C(remove) (patterns of what must go first; a name that is to be
        installed is never meant), C(hold), C(pins) (records of apt preferences in the order they must be written),
        C(stream), C(headers).
      type: dict
    repository:
      description: The vendor's repository or its mirror; null for the distribution's archive.
      type: dict
    components:
      description: What must be enabled of the distribution's own archive.
      type: list
      elements: str
      sample: [main, contrib]
    modprobe:
      description: C(options) per module and C(blacklist).
      type: dict
    files:
      description: Files to write for that and for the services. C(path) and C(content) each.
      type: list
      elements: dict
    services:
      description: Units in the order they start.
      type: list
      elements: str
      sample: [nvidia-persistenced.service]
    action:
      description: V(none), V(install), V(upgrade) (also for going back), V(repair) or V(settings) (module options, persistence and the
        like, while the packages stay).
      type: str
      sample: upgrade
    settings:
      description: What differs of the settings, in words.
      type: list
      elements: str
      sample: ["nvidia is loaded with NVreg_EnableResizableBar=0, wanted is 1"]
    drain:
      description: Whether the node must be drained first.
      type: bool
    reload:
      description: Whether the modules must be loaded (anew).
      type: bool
    reboot:
      description: Whether the host must boot for that.
      type: bool
    blocked:
      description: Why the wish can't come true. C(code), C(reason) and C(fix) each. Nothing else is planned then.
      type: list
      elements: dict
    pending:
      description: What the change waits for; empty where it needn't.
      type: str
    skipped:
      description: Why the host is left alone (it passes its GPUs through, or has none); empty where it isn't.
      type: str
    notes:
      description: What a person should know.
      type: list
      elements: str
"""
