#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says whether a host's GPUs work with the driver that is loaded."""

from __future__ import annotations

DOCUMENTATION = r"""
module: driver_validate
short_description: Check that a host's GPUs work with its driver
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - Reads the host, runs C(nvidia-smi), starts CUDA in a process of its own, reads the kernel's log, and runs C(dcgmi diag) where it is
    asked to. Changes nothing.
  - A check that nobody could make, for want of a tool or of rights, is not ok and says that it was not seen.
options:
  version:
    description: Version, or branch, that must be loaded. Empty for any.
    type: str
    default: ""
  expected_gpus:
    description: How many GPUs the host must have; V(0) for any number.
    type: int
    default: 0
  persistence:
    description: Whether persistence mode must be on.
    type: bool
    default: false
  services:
    description: Units that must run, such as C(services) of a plan.
    type: list
    elements: str
    default: []
  mig:
    description:
      - The layout of MIG that must be there, as RV(openhands.gpu_observability.driver_reload#module:mig) has it. Nothing is compared
        where it is left out.
    type: raw
  module_options:
    description: Options per kernel module that must hold, as far as the kernel shows them, such as C(modprobe.options) of a plan.
    type: dict
    default: {}
  since:
    description: Seconds after boot from which errors in the kernel's log count. After another boot all count.
    type: float
    default: 0
  diag:
    description: Level of C(dcgmi diag), V(1) to V(4); V(0) for none. Level 1 takes seconds, 2 minutes, 3 half an hour.
    type: int
    default: 0
    choices: [0, 1, 2, 3, 4]
  optional:
    description: Names of checks that need not be seen. What is seen and wrong still counts.
    type: list
    elements: str
    default: []
  wait:
    description: Seconds to try again for, since GPUs wake up and fabrics form after the driver is loaded.
    type: int
    default: 60
  fail:
    description: Whether the module fails where a check isn't ok.
    type: bool
    default: true
  root:
    description: Folder below which files are read, instead of the root of the file system. For tests.
    type: path
    default: /
attributes:
  check_mode:
    support: full
    description: Only looks; C(dcgmi diag) is left out.
  diff_mode:
    support: none
    description: Changes nothing.
notes:
  - Runs on the GPU host as root, without which the kernel's log can't be read.
seealso:
  - module: openhands.gpu_observability.driver_reload
"""

EXAMPLES = r"""
- name: Check the GPUs
  openhands.gpu_observability.driver_validate:
    version: "580"
    expected_gpus: 8
    persistence: true
    services: [nvidia-persistenced.service]
    diag: 1
"""

RETURN = r"""
checks:
  description: Every check.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: What was asked.
      type: str
      sample: versions
    ok:
      description: Whether it is as it should be.
      type: bool
      sample: true
    seen:
      description: Whether it could be looked at.
      type: bool
      sample: true
    detail:
      description: What was found.
      type: str
      sample: loaded 580.95.05, on disk 580.95.05, userland 580.95.05
version:
  description: Version of the loaded driver.
  returned: always
  type: str
  sample: 580.95.05
wrong:
  description: The names of the checks that keep the host from being used.
  returned: always
  type: list
  elements: str
  sample: []
"""

import os
import time
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload import _checks, _evidence
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import Host

PAUSE = 5


def main() -> None:
    """Look until all is well or the time is over."""
    module = AnsibleModule(
        argument_spec={
            "version": {"type": "str", "default": ""},
            "expected_gpus": {"type": "int", "default": 0},
            "persistence": {"type": "bool", "default": False},
            "services": {"type": "list", "elements": "str", "default": []},
            "mig": {"type": "raw"},
            "module_options": {"type": "dict", "default": {}},
            "since": {"type": "float", "default": 0},
            "diag": {"type": "int", "default": 0, "choices": [0, 1, 2, 3, 4]},
            "optional": {"type": "list", "elements": "str", "default": []},
            "wait": {"type": "int", "default": 60},
            "fail": {"type": "bool", "default": True},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    given = module.params
    unknown = sorted(set(given["optional"]) - set(_checks.NAMES))
    if unknown:
        module.fail_json(msg="optional: no check is named %s. Checks: %s." % (unknown[0], ", ".join(_checks.NAMES)))
    wanted = _checks.Expected(
        given["version"],
        given["expected_gpus"],
        given["persistence"],
        given["since"],
        given["mig"],
        given["services"],
        given["module_options"],
    )
    deadline = time.monotonic() + given["wait"]
    diag = 0
    while True:
        facts = dict(_host.look(given["root"], given["expected_gpus"] or None))
        log = os.path.join(given["root"], "dev/kmsg")
        found = _evidence.gather(Host(), facts, given["services"], diag, log)
        checks = _checks.check(found, wanted)
        wrong = _checks.wrong(checks, given["optional"])
        # The long diagnostics only on a host that is well otherwise, and once.
        if not wrong and given["diag"] and not diag and not module.check_mode:
            diag = given["diag"]
            continue
        if not wrong or diag or time.monotonic() >= deadline:
            break
        time.sleep(PAUSE)
    result: Dict[str, Any] = {
        "changed": False,
        "checks": [one.result() for one in checks],
        "wrong": [one.name for one in wrong],
    }
    result["version"] = facts["driver"]["loaded"]
    if wrong and given["fail"]:
        module.fail_json(msg="; ".join("%s: %s" % (one.name, one.detail) for one in wrong), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
