#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say how the lab is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_status
short_description: Say how the embedded lab is
version_added: 0.1.0
description:
  - Asks every component whether it is well, and the API server whether the node is Ready.
  - Shows a table. Fails when anything is down, unless O(fail) is false.
  - With O(wait), asks again until all is well or the time is up.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  state_dir:
    description: State folder of the lab.
    type: path
    required: true
  node:
    description: Name of the node.
    type: str
    required: true
  server:
    description: Address of the API server.
    type: str
    required: true
  components:
    description: The components, as for M(openhands.gpu_observability.lab_processes).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the component.
        type: str
        required: true
      argv:
        description: Program and arguments.
        type: list
        elements: str
        required: true
      files:
        description: Not used here.
        type: list
        elements: str
        default: []
      health:
        description: An http or https address that answers 200, or the path of a socket that accepts.
        type: str
        required: true
      version:
        description: Shown in the table.
        type: str
        default: ""
      package:
        description: Debian package whose version is shown instead.
        type: str
        default: ""
  unit_prefix:
    description: Where systemd runs the components, what its units' names begin with.
    type: str
    default: ""
  wait:
    description: Seconds to wait until all is well.
    type: int
    default: 0
  fail:
    description: Whether something that is down is a failure.
    type: bool
    default: true
  show:
    description: Whether to show the table even when all is well.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Always the same.
"""

EXAMPLES = r"""
- name: Say how the lab is
  openhands.gpu_observability.lab_status:
    state_dir: /var/lib/openhands-gpu-observability-lab
    node: lab
    server: https://127.0.0.1:26443
    components:
      - name: kube-apiserver
        argv: [/var/lib/openhands-gpu-observability-lab/bin/kube-apiserver]
        health: https://127.0.0.1:26443/readyz
"""

RETURN = r"""
rows:
  description: For each component its name, pid, version and problem (none when all is well).
  type: list
  elements: dict
  returned: always
table:
  description: The same for people.
  type: list
  elements: str
  returned: always
healthy:
  description: Whether all is well.
  type: bool
  returned: always
"""

import json
import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _debian, _process, _status
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._component import (
    COMPONENT_SPEC,
    Component,
    Paths,
    ask,
    unhealthy,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._files import read_or_none

PATIENCE = 5.0


class Observer:
    """Looks at one lab."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.paths = Paths(module.params["state_dir"])
        self.proc = _process.ProcFs()
        self.installed = _debian.parse_status((read_or_none("/var/lib/dpkg/status") or b"").decode(errors="replace"))
        self.components = [Component.from_options(item) for item in module.params["components"]]

    def rows(self) -> list[_status.Row]:
        """Every component, and the node."""
        return [*(self.row(component) for component in self.components), self.node()]

    def row(self, component: Component) -> _status.Row:
        """One component."""
        pid = self.pid(component)
        version = component.version or self.installed.get(component.package, {}).get("Version", "")
        problem = "not running" if pid is None else unhealthy(component.health, self.paths, PATIENCE)
        return _status.Row(component.name, pid, version, problem)

    def pid(self, component: Component) -> int | None:
        """Its process, None when it does not run."""
        prefix = self.module.params["unit_prefix"]
        if prefix:
            unit = f"{prefix}{component.name}.service"
            _rc, output, _error = self.module.run_command(["systemctl", "show", "--property=MainPID", "--value", unit])
            return int(output.strip() or 0) or None
        record = _process.load(self.paths.pid_file(component.name))
        return record.pid if record and _process.alive(record, self.proc) else None

    def node(self) -> _status.Row:
        """The node as the API server knows it."""
        name = self.module.params["node"]
        if not os.path.exists(self.paths.pki("admin.key")):
            return _status.Row(f"node {name}", None, "", "no certificates: the lab was never started")
        try:
            status, body = ask(f"{self.module.params['server']}/api/v1/nodes/{name}", self.paths, PATIENCE)
        except (OSError, ValueError) as error:
            return _status.Row(f"node {name}", None, "", f"unknown: {error}")
        if status != 200:
            return _status.Row(f"node {name}", None, "", f"unknown: the API server answered HTTP {status}")
        node = json.loads(body)
        return _status.Row(f"node {name}", None, _status.node_version(node), _status.node_problem(node))


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state_dir": {"type": "path", "required": True},
            "node": {"type": "str", "required": True},
            "server": {"type": "str", "required": True},
            "components": {"type": "list", "elements": "dict", "required": True, "options": COMPONENT_SPEC},
            "unit_prefix": {"type": "str", "default": ""},
            "wait": {"type": "int", "default": 0},
            "fail": {"type": "bool", "default": True},
            "show": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    observer = Observer(module)
    deadline = time.monotonic() + module.params["wait"]
    rows = observer.rows()
    while any(row.problem for row in rows) and time.monotonic() < deadline:
        time.sleep(0.5)
        rows = observer.rows()
    down = [row for row in rows if row.problem]
    result = {
        "changed": False,
        "rows": [row.to_dict() for row in rows],
        "table": _status.table(rows),
        "healthy": not down,
    }
    if down and module.params["fail"]:
        listing = "; ".join(f"{row.name}: {row.problem}" for row in down)
        module.fail_json(msg=f"The lab is not well: {listing}. Logs are in {observer.paths.state}/log.", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
