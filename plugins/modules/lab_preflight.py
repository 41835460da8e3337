#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check whether the lab can start on this machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_preflight
short_description: Check whether the embedded lab can start on this machine
version_added: 0.1.0
description:
  - Looks at the machine and fails with every problem at once, each with what to do about it.
  - Changes nothing, except that it makes and removes a bridge, a pair of virtual interfaces and an overlay mount to see whether the kernel can.
  - Also returns what the following tasks need to know about the machine.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  state_dir:
    description: State folder of the lab; processes of this lab may hold its ports.
    type: path
    required: true
  cache_dir:
    description: Cache of the lab.
    type: path
    required: true
  sources_dir:
    description: Folder with our own Go programs.
    type: path
    required: true
  builds:
    description: The table of builds, as for M(openhands.gpu_observability.lab_binaries).
    type: list
    elements: dict
    required: true
  release_base:
    description: Where release archives are; with it, a missing Go tool is no problem yet.
    type: str
    default: ""
  go:
    description: The Go tool.
    type: str
    default: go
  minimum_go:
    description: Smallest version of the Go tool.
    type: str
    required: true
  minimum_cores:
    description: Smallest number of CPU cores.
    type: int
    required: true
  minimum_memory_mb:
    description: Smallest memory.
    type: int
    required: true
  minimum_disk_mb:
    description: Smallest free space below O(state_dir).
    type: int
    required: true
  minimum_build_disk_mb:
    description: Smallest free space for Go's caches when something must be built.
    type: int
    required: true
  ports:
    description: Name to port number.
    type: dict
    required: true
  pod_cidr:
    description: Addresses of pods.
    type: str
    required: true
  service_cidr:
    description: Addresses of services.
    type: str
    required: true
  bridge:
    description: Name of the pods' bridge.
    type: str
    required: true
  node_address:
    description: Address of this machine.
    type: str
    required: true
  packages:
    description: Debian packages that will be needed.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: full
    description: Always the same.
"""

EXAMPLES = r"""
- name: Check the machine
  openhands.gpu_observability.lab_preflight:
    state_dir: /var/lib/openhands-gpu-observability-lab
    cache_dir: /var/cache/openhands-gpu-observability
    sources_dir: "{{ role_path }}/files/go"
    builds: []
    minimum_go: "1.26"
    minimum_cores: 2
    minimum_memory_mb: 4000
    minimum_disk_mb: 5000
    minimum_build_disk_mb: 20000
    ports: {api: 26443}
    pod_cidr: 10.244.0.0/16
    service_cidr: 10.96.0.0/16
    bridge: lab0
    node_address: 192.0.2.2
    packages: [runc]
"""

RETURN = r"""
problems:
  description: What speaks against it.
  type: list
  elements: str
  returned: always
missing_packages:
  description: Packages that are not installed.
  type: list
  elements: str
  returned: success
package_versions:
  description: Version of each installed package of O(packages).
  type: dict
  returned: success
nameservers:
  description: Name servers of this machine that a pod can reach.
  type: list
  elements: str
  returned: success
init:
  description: V(systemd) when this machine runs it, else V(processes).
  type: str
  returned: success
"""

import os
import platform

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _debian, _preflight
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._go import Go
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._obtain import Obtainer
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._recipe import Recipe
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._survey import Survey, text_of

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def running_init() -> str:
    """Which supervisor this machine has."""
    return "systemd" if os.path.isdir("/run/systemd/system") else "processes"


def main() -> None:
    required = {"type": "str", "required": True}
    size = {"type": "int", "required": True}
    path = {"type": "path", "required": True}
    module = AnsibleModule(
        argument_spec={
            "state_dir": path,
            "cache_dir": path,
            "sources_dir": path,
            "builds": {"type": "list", "elements": "dict", "required": True},
            "release_base": {"type": "str", "default": ""},
            "go": {"type": "str", "default": "go"},
            "minimum_go": required,
            "minimum_cores": size,
            "minimum_memory_mb": size,
            "minimum_disk_mb": size,
            "minimum_build_disk_mb": size,
            "ports": {"type": "dict", "required": True},
            "pod_cidr": required,
            "service_cidr": required,
            "bridge": required,
            "node_address": required,
            "packages": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
        recipes = [recipe for row in options["builds"] for recipe in Recipe.from_options(row, architecture)]
    except ValueError as error:
        module.fail_json(msg=str(error))
    obtainer = Obtainer(options["cache_dir"], options["sources_dir"], "", Go(options["go"], os.environ), module.debug)
    to_build = [recipe.title for recipe in recipes if obtainer.at_hand(recipe) is None]
    disk = {options["state_dir"]: options["minimum_disk_mb"]}
    if os.path.exists(os.path.join(options["state_dir"], "etcd")):
        disk = {}
    if to_build and not options["release_base"]:
        disk[os.path.join(os.environ.get("HOME", "/root"), ".cache")] = options["minimum_build_disk_mb"]
    demands = _preflight.Demands(
        cores=options["minimum_cores"],
        memory_mb=options["minimum_memory_mb"],
        disk_mb=disk,
        ports={name: int(port) for name, port in options["ports"].items()},
        pod_cidr=options["pod_cidr"],
        service_cidr=options["service_cidr"],
        bridge=options["bridge"],
        node_address=options["node_address"],
        go="" if options["release_base"] else options["minimum_go"],
        to_build=to_build,
    )
    found = _preflight.problems(
        Survey(options["state_dir"], module.run_command, module.get_bin_path).machine(list(disk), options["go"]),
        demands,
    )
    if found:
        listing = "\n".join("- " + item for item in found)
        module.fail_json(msg=f"The lab can't start on this machine:\n{listing}", problems=found)
    installed = _debian.parse_status(text_of("/var/lib/dpkg/status"))
    module.exit_json(
        changed=False,
        problems=[],
        missing_packages=[name for name in options["packages"] if name not in installed],
        package_versions={name: installed[name]["Version"] for name in options["packages"] if name in installed},
        nameservers=_preflight.nameservers(text_of("/etc/resolv.conf")),
        init=running_init(),
    )


if __name__ == "__main__":
    main()
