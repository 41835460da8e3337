#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One package transaction for a GPU driver."""

from __future__ import annotations

DOCUMENTATION = r"""
module: driver_packages
short_description: Move driver, userland, headers, pins and holds in one transaction, or leave the host as it was
version_added: 0.1.0
author:
  - openhands.gpu_observability contributors (@openhands)
description:
  - Simulates the transaction first. It is refused, with the list, where a package or version can't be had, or where it would
    remove or downgrade what isn't the driver's, or touch the kernel, the kubelet or the container runtime.
  - Downloads everything, the versions before included, and tries the build of the kernel module in a folder of its own
    before the first package is touched.
  - Judges the outcome by what is there, namely the versions, and an installed C(.ko) file of each DKMS module for each kernel that has
    headers. Where that fails, all packages, pins and holds go back, and the message has the compiler's first error.
  - Repairs a half-configured dpkg before it begins.
options:
  state:
    description:
      - V(present) runs the transaction. V(prepared) downloads everything and tries the build, and changes no package.
      - V(rolled_back) goes back to the versions before the last transaction, or to O(before).
    type: str
    choices: [present, prepared, rolled_back]
    default: present
  packages:
    description: What is wanted, as RV(openhands.gpu_observability.driver_plan#module:plan) has it under C(packages).
    type: dict
    default: {}
    suboptions:
      install:
        description: Packages to have.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name of the package.
            type: str
            required: true
          version:
            description: Its version, or a glob of it; empty for the candidate under O(packages.pins).
            type: str
            default: ""
      remove:
        description: Names or globs of packages that must go. A glob never takes the container toolkit or DCGM.
        type: list
        elements: str
        default: []
      hold:
        description:
          - Names or globs of packages that are held (dnf locks their version), with all of the driver that has the same version.
            Other driver packages are released.
        type: list
        elements: str
        default: []
      pins:
        description: Preferences of apt. With dnf they are not used.
        type: list
        elements: dict
        default: []
        suboptions:
          packages:
            description: Names or globs, separated by spaces.
            type: str
            required: true
          pin:
            description: What is preferred, such as V(version 580.*) or V(release o=NVIDIA).
            type: str
            required: true
          priority:
            description: Priority as in apt_preferences(5).
            type: int
            required: true
      stream:
        description: Module stream of C(nvidia-driver) (dnf on EL 8 and 9), such as V(580-open).
        type: str
        default: ""
      headers:
        description: Packages of kernel headers.
        type: list
        elements: str
        default: []
  repository:
    description:
      - The repository the packages come from, for looking ahead on a host that doesn't have it yet. It is written by
        M(openhands.gpu_observability.driver_repository), which has the same options O(components) and O(login).
    type: dict
    default: {}
  components:
    description: Components of the distribution's archive that are needed, likewise.
    type: list
    elements: str
    default: []
  login:
    description: Login for the repository. Shown nowhere.
    type: dict
    default: {}
    suboptions:
      username:
        description: User.
        type: str
        default: ""
      password:
        description: Password.
        type: str
        default: ""
  wanted:
    description: What is wanted as the plan says it (C(version), C(source), C(flavour), C(kind)); kept in RV(record).
    type: dict
    default: {}
  now:
    description: The driver that is there as the plan says it (C(version), C(flavour)); kept in RV(record) for a rollback.
    type: dict
    default: {}
  before:
    description: Versions to go back to (O(state=rolled_back)). By default those that the last transaction recorded.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the package.
        type: str
        required: true
      version:
        description: Its version; empty for absent.
        type: str
        default: ""
  allow_downgrade:
    description: Allow older versions of the driver than what is installed.
    type: bool
    default: false
  prebuild:
    description: Try the build of the kernel module before the transaction, for the running and the newest kernel.
    type: bool
    default: true
  timeout:
    description: Seconds that one build, and one run of the package manager, may take.
    type: int
    default: 3600
  lock_timeout:
    description: Seconds to wait for another package manager. Then the module fails and names the process.
    type: int
    default: 300
  state_dir:
    description: Folder on the host for the record of the versions before and for the downloaded packages.
    type: path
    default: /var/lib/openhands-gpu-observability
attributes:
  check_mode:
    support: full
    description: Simulates with a copy of the package manager's configuration; nothing on the host is written.
  diff_mode:
    support: full
    description: Shows versions and settings before and after.
notes:
  - Runs on the GPU host as root, with its Python 3.9 or newer.
"""

EXAMPLES = r"""
- name: Say what the transaction would change
  openhands.gpu_observability.driver_packages:
    packages: "{{ plan.packages }}"
    repository: "{{ plan.repository or {} }}"
    components: "{{ plan.components }}"
  check_mode: true

- name: Install Debian's driver
  openhands.gpu_observability.driver_packages:
    packages:
      install:
        - name: nvidia-kernel-dkms
        - name: nvidia-smi
        - name: libcuda1
      headers: [linux-headers-amd64]
      hold: ["nvidia-*", "libnvidia-*", libcuda1]
      pins:
        - packages: "nvidia-* libnvidia-* libcuda1"
          pin: version 550.*
          priority: 1001

- name: Go back to the versions before
  openhands.gpu_observability.driver_packages:
    state: rolled_back
"""

RETURN = r"""
changes:
  description: Packages that move; an empty version means absent.
  returned: when the transaction could be planned
  type: list
  elements: dict
  sample: [{name: nvidia-kernel-dkms, from: 535.261.03-1, to: 550.163.01-2}]
settings:
  description: Pins and holds that were, or are, not as asked.
  returned: when the transaction could be planned
  type: list
  elements: str
  sample: [hold nvidia-kernel-dkms]
rebuild:
  description: Modules whose file is missing for a kernel though their package is installed.
  returned: when the transaction could be planned
  type: list
  elements: str
  sample: [nvidia-current/550.163.01 for 6.12.117+deb13-amd64]
repaired:
  description: What an earlier run had left half done, and what was done about it.
  returned: when the host's package manager is known
  type: list
  elements: str
  sample: ["nvidia-open-kernel-dkms was half-configured: removed"]
notes:
  description: What a person should know, such as a repository that didn't answer.
  returned: when the host's package manager is known
  type: list
  elements: str
  sample: []
rolled_back:
  description: Whether the packages went back to the versions before.
  returned: when the host's package manager is known
  type: bool
  sample: false
compiler_error:
  description: The first error of a build that failed.
  returned: when the host's package manager is known
  type: str
  sample: "nvidia/nv-pci.c:237:9: error: too few arguments to function 'pci_resize_resource'"
builds:
  description: The builds that failed, with C(module), C(version), C(kernel), C(error) and C(log).
  returned: when the host's package manager is known
  type: list
  elements: dict
  sample: []
before:
  description: Each package of RV(changes) with the version it had.
  returned: when the transaction could be planned
  type: list
  elements: dict
  sample: [{name: nvidia-kernel-dkms, version: 535.261.03-1}]
irreversible:
  description: Versions before that can't be had any more, as C(name=version). These could not be brought back.
  returned: when the transaction could be planned
  type: list
  elements: str
  sample: []
record:
  description: File on the host with the versions and settings before.
  returned: when the host's package manager is known
  type: str
  sample: /var/lib/openhands-gpu-observability/driver.json
"""

import os
from importlib.util import find_spec

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _entry
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._download import fetch
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import PackageError


def shown(result: dict[str, object], side: str) -> str:
    """Versions on one side of the changes, one a line, for the diff."""
    changes = result.get("changes")
    lines = (
        ["%s %s" % (item["name"], item[side]) for item in changes if item[side]] if isinstance(changes, list) else []
    )
    return "".join(line + "\n" for line in lines)


def use_python_with_dnf(module: AnsibleModule) -> None:
    """Start again with the distribution's Python where dnf's library isn't in this one."""
    if os.path.exists("/usr/bin/apt-get") or find_spec("dnf") or has_respawned():
        return
    python = probe_interpreters_for_module(["/usr/libexec/platform-python", "/usr/bin/python3"], "dnf")
    if not python:
        module.fail_json(msg="No Python on this host has dnf's library. Install the package python3-dnf.")
    respawn_module(python)


def main() -> None:
    """Run the transaction."""
    module = AnsibleModule(argument_spec=_entry.ARGSPEC, supports_check_mode=True)
    use_python_with_dnf(module)
    try:
        result = _entry.run(module.params, check=module.check_mode, fetch=fetch)
    except PackageError as error:
        module.fail_json(msg=error.message, **error.result)
    result["diff"] = {"before": shown(result, "from"), "after": shown(result, "to")}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
