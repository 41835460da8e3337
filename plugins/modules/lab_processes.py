#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the lab's processes running."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_processes
short_description: Keep the processes of the embedded lab running
version_added: 0.1.0
description:
  - Starts the components in the order given, each detached with a pid file and a log below O(state_dir), and waits until each answers.
  - A component that runs as wanted is left alone. One whose command line, program, or one of its O(components[].files) changed is restarted, and only that one.
  - A pid file is believed only when boot, number and start time of the process agree, so a number that was given to another process is never touched.
  - For machines that do not run systemd; there, the role writes units.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  state_dir:
    description: State folder of the lab.
    type: path
    required: true
  components:
    description: The components, in start order.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the component, of its pid file and of its log.
        type: str
        required: true
      argv:
        description: Program and arguments.
        type: list
        elements: str
        required: true
      files:
        description: Files whose change makes a restart necessary.
        type: list
        elements: str
        default: []
      health:
        description: An http or https address that answers 200, or the path of a socket that accepts.
        type: str
        required: true
      version:
        description: Shown in messages.
        type: str
        default: ""
      package:
        description: Debian package whose version is shown instead.
        type: str
        default: ""
  timeout:
    description: Seconds one component may take until it answers.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: Says what would be started or restarted.
"""

EXAMPLES = r"""
- name: Keep the lab's processes running
  openhands.gpu_observability.lab_processes:
    state_dir: /var/lib/openhands-gpu-observability-lab
    components:
      - name: containerd
        argv: [/usr/bin/containerd, --config, /var/lib/openhands-gpu-observability-lab/config/containerd.toml]
        files: [/var/lib/openhands-gpu-observability-lab/config/containerd.toml]
        health: /var/lib/openhands-gpu-observability-lab/run/containerd.sock
"""

RETURN = r"""
started:
  description: Components that were not running and are now.
  type: list
  elements: str
  returned: always
restarted:
  description: Components that ran with another program, arguments or files.
  type: list
  elements: str
  returned: always
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _process
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._component import (
    COMPONENT_SPEC,
    Component,
    Paths,
    environment,
    unhealthy,
)

STOP_GRACE = 20.0


class NotStarted(Exception):
    """A component ended, or did not answer in time."""


class Supervisor:
    """Brings the processes of one lab to what is wanted."""

    def __init__(self, paths: Paths, timeout: float, check_mode: bool) -> None:
        self.paths = paths
        self.timeout = timeout
        self.check_mode = check_mode
        self.proc = _process.ProcFs()
        self.started: list[str] = []
        self.restarted: list[str] = []

    def ensure(self, component: Component) -> None:
        """Have ``component`` running as wanted and answering."""
        pid_file = self.paths.pid_file(component.name)
        record = _process.load(pid_file)
        wanted = _process.digest(component.argv, environment(self.paths.state), component.files)
        running = _process.alive(record, self.proc)
        if running and record and record.digest == wanted:
            if unhealthy(component.health, self.paths, timeout=5.0) is None:
                return
            self._await(component, record)
            return
        (self.restarted if running else self.started).append(component.name)
        if self.check_mode:
            return
        if running and record:
            _process.stop([record.pid], self.proc, STOP_GRACE)
        self._stop_strays(component)
        pid = _process.start(component.argv, environment(self.paths.state), self.paths.log(component.name))
        stat = self.proc.stat(pid)
        record = _process.Record(pid, stat[1] if stat else 0, self.proc.boot(), wanted)
        _process.save(pid_file, record)
        self._await(component, record)

    def _stop_strays(self, component: Component) -> None:
        """End copies that a torn start left without a pid file: they would hold our ports."""
        strays = [
            pid
            for pid in _process.members(self.paths.state, self.proc)
            if self.proc.cmdline(pid)[:1] == [component.argv[0]]
        ]
        _process.stop(strays, self.proc, STOP_GRACE)

    def _await(self, component: Component, record: _process.Record) -> None:
        deadline = time.monotonic() + self.timeout
        while True:
            reason = unhealthy(component.health, self.paths, timeout=5.0)
            if reason is None:
                return
            _process.reap(record.pid)
            if not _process.alive(record, self.proc):
                raise NotStarted(f"{component.name} ended right after its start." + self._log_of(component))
            if time.monotonic() > deadline:
                raise NotStarted(
                    f"{component.name} runs but did not answer within {self.timeout:g} s ({reason})."
                    + self._log_of(component)
                )
            time.sleep(0.1)

    def _log_of(self, component: Component) -> str:
        path = self.paths.log(component.name)
        return f" Last lines of {path}:\n" + "\n".join(_process.tail(path, 8))


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state_dir": {"type": "path", "required": True},
            "components": {"type": "list", "elements": "dict", "required": True, "options": COMPONENT_SPEC},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    paths = Paths(module.params["state_dir"])
    if not module.check_mode:
        for folder in (paths.run, os.path.dirname(paths.log("x"))):
            os.makedirs(folder, mode=0o700, exist_ok=True)
    supervisor = Supervisor(paths, module.params["timeout"], module.check_mode)
    try:
        for options in module.params["components"]:
            supervisor.ensure(Component.from_options(options))
    except (NotStarted, OSError) as error:
        module.fail_json(msg=str(error), started=supervisor.started, restarted=supervisor.restarted)
    module.exit_json(
        changed=bool(supervisor.started or supervisor.restarted),
        started=supervisor.started,
        restarted=supervisor.restarted,
    )


if __name__ == "__main__":
    main()
