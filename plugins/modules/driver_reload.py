#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops what holds a GPU host's driver, loads the driver anew, and starts what was stopped."""

from __future__ import annotations

DOCUMENTATION = r"""
module: driver_reload
short_description: Load a GPU host's driver anew, with the services that hold it stopped around it
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - Stops the services that hold a GPU, in order (exporters and DCGM, NVSM, the refresh of the container devices, the MIG manager,
    IMEX, fabric manager, persistence daemon), takes the kernel modules out by their reference counts, loads them, puts the layout
    of MIG back and starts the services again.
  - Never forces. Where a process or module still holds the driver, RV(reboot_required) is true and RV(holders) says who.
  - What ran, what was loaded and the layout of MIG are remembered on the host before anything stops, until all of it is back. A run
    that was cut off is gone on with by the next one.
options:
  state:
    description:
      - V(stopped) remembers and stops the services.
      - V(reloaded) stops the services, unloads and loads the modules, and starts the services.
      - V(started) loads the modules where they are not loaded, and starts what was stopped, such as after a reboot.
    type: str
    choices: [stopped, reloaded, started]
    default: reloaded
  services:
    description: More units that hold a GPU. They stop first and start last.
    type: list
    elements: str
    default: []
  wanted:
    description: Units that run afterwards even where they didn't before, such as C(services) of a plan.
    type: list
    elements: str
    default: []
  wait:
    description: Seconds to wait for processes that hold a GPU to end by themselves.
    type: int
    default: 30
  state_dir:
    description: Folder on the host for what is remembered.
    type: path
    default: /var/lib/openhands-gpu-observability
  root:
    description: Folder below which C(/sys) and C(/proc) are read, instead of the root of the file system. For tests.
    type: path
    default: /
attributes:
  check_mode:
    support: full
    description: Says what would stop, be loaded and start.
  diff_mode:
    support: none
    description: Nothing of it is in a file.
notes:
  - Runs on the GPU host as root. Programs used are systemctl, rmmod, modprobe, and nvidia-smi or nvidia-mig-parted for MIG.
seealso:
  - module: openhands.gpu_observability.driver_validate
"""

EXAMPLES = r"""
- name: Stop what holds the GPUs
  openhands.gpu_observability.driver_reload:
    state: stopped
    services: [my-gpu-agent]

- name: Load the driver anew
  openhands.gpu_observability.driver_reload:
    wanted: [nvidia-persistenced.service]
  register: reloaded

- name: Start everything again after a reboot
  openhands.gpu_observability.driver_reload:
    state: started
"""

RETURN = r"""
reloaded:
  description: Whether the modules were taken out and loaded again.
  returned: success
  type: bool
  sample: true
reboot_required:
  description: Whether the modules can't be taken out, so that only a reboot loads others.
  returned: always
  type: bool
  sample: false
holders:
  description: Who holds the driver, a line each.
  returned: always
  type: list
  elements: str
  sample: ["python3.12 (pid 4242, pod 0f3e1c2d-1111-2222-3333-444455556666) holds /dev/nvidia0"]
stopped:
  description: Units that were stopped, in order.
  returned: always
  type: list
  elements: str
  sample: [nvidia-dcgm.service, nvidia-persistenced.service]
started:
  description: Units that were started, in order.
  returned: always
  type: list
  elements: str
  sample: [nvidia-persistenced.service, nvidia-dcgm.service]
not_started:
  description: Units that don't start, with what systemctl says. Where the GPUs can't be used without one the module fails.
  returned: always
  type: list
  elements: str
  sample: []
unloaded:
  description: Modules that were taken out, in order.
  returned: always
  type: list
  elements: str
  sample: [nvidia_uvm, nvidia]
loaded:
  description: Modules that were loaded, in order.
  returned: always
  type: list
  elements: str
  sample: [nvidia, nvidia_uvm]
mig_restored:
  description: Whether the layout of MIG had to be put back.
  returned: always
  type: bool
  sample: false
mig:
  description: The layout of MIG before, for M(openhands.gpu_observability.driver_validate); null where it wasn't seen.
  returned: always
  type: raw
  sample: {}
uptime:
  description: Seconds since boot when the module began.
  returned: always
  type: float
  sample: 86400.25
notes:
  description: What else is worth knowing.
  returned: always
  type: list
  elements: str
  sample: []
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import Host, ReloadError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._steps import Steps, Wishes


def perform(steps: Steps, state: str) -> None:
    """Take the steps of one state; with somebody in the way nothing is loaded or started."""
    if state in ("stopped", "reloaded"):
        steps.stop()
    if state == "reloaded" and not steps.result.holders:
        steps.unload()
    if state != "stopped" and not steps.result.holders:
        steps.load()
        steps.start()


def main() -> None:
    """Run."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["stopped", "reloaded", "started"], "default": "reloaded"},
            "services": {"type": "list", "elements": "str", "default": []},
            "wanted": {"type": "list", "elements": "str", "default": []},
            "wait": {"type": "int", "default": 30},
            "state_dir": {"type": "path", "default": "/var/lib/openhands-gpu-observability"},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    given = module.params
    wishes = Wishes(given["state_dir"], given["services"], given["wanted"], given["wait"], module.check_mode)
    steps = Steps(Host(), lambda: dict(_host.look(given["root"])), wishes)
    # The clock that the kernel's log counts by.
    steps.result.uptime = round(time.monotonic(), 3)
    try:
        perform(steps, given["state"])
    except (ReloadError, OSError) as error:
        module.fail_json(msg=str(error), **steps.result.facts())
    module.exit_json(reloaded=bool(steps.result.unloaded), **steps.result.facts())


if __name__ == "__main__":
    main()
