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
  - openhands.gpu_observability contributors
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
    cache_dir: /root/.cache/openhands-gpu-observability
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
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _debian, _preflight
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._files import read_or_none
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._go import Go
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._obtain import Obtainer
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._process import MARKER, ProcFs
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._recipe import Recipe

NODE_AGENTS = ("kubelet", "kube-proxy", "k3s", "k3s-server", "rke2", "k0s")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Survey:
    """Looks at this machine."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.state_dir = module.params["state_dir"]
        self.proc = ProcFs()

    def machine(self, folders: list[str], go: str) -> _preflight.Machine:
        """Everything the checks want to know."""
        v2, v1 = _preflight.parse_cgroups(text_of("/proc/mounts"))
        return _preflight.Machine(
            system=platform.system(),
            uid=os.geteuid(),
            cores=len(os.sched_getaffinity(0)),
            memory_mb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
            disk_mb={folder: free_mb(folder) for folder in folders},
            listeners=self.listeners(),
            foreign=self.foreign(),
            cgroup_v2=v2,
            cgroup_v1=v1,
            failed_probes=self.failed_probes() if os.geteuid() == 0 else {},
            routes=_preflight.parse_routes(text_of("/proc/net/route")),
            go=self.go_version(go),
        )

    def holder(self, pid: int) -> _preflight.Holder:
        """Process ``pid`` in words."""
        name = os.path.basename((self.proc.cmdline(pid) or ["?"])[0])
        return _preflight.Holder(pid, name, self.proc.environ(pid).get(MARKER) == self.state_dir)

    def listeners(self) -> dict[int, _preflight.Holder]:
        """Port to the process that listens on it."""
        ports: dict[str, int] = {}
        for name in ("tcp", "tcp6"):
            ports.update(_preflight.parse_listening(text_of("/proc/net/" + name)))
        found = {port: _preflight.Holder(0, "") for port in ports.values()}
        for pid in self.proc.pids():
            for inode in socket_inodes(pid):
                if inode in ports:
                    found[ports[inode]] = self.holder(pid)
        return found

    def foreign(self) -> list[_preflight.Holder]:
        """Node agents of other clusters that share our network namespace."""
        here = self.proc.namespace(os.getpid(), "net")
        found = []
        for pid in self.proc.pids():
            holder = self.holder(pid)
            if holder.name in NODE_AGENTS and not holder.ours and self.proc.namespace(pid, "net") == here:
                found.append(holder)
        return found

    def failed_probes(self) -> dict[str, str]:
        """Kernel features that were tried and did not work, with what the attempt said.

        A feature whose tool is not installed yet is not tried: it is once the packages are there.
        """
        suffix = f"{os.getpid() % 100000}"
        bridge, left, right = "labb" + suffix, "labl" + suffix, "labr" + suffix
        attempts = {
            "bridges": (["ip", "link", "add", bridge, "type", "bridge"], ["ip", "link", "del", bridge]),
            "veth pairs": (
                ["ip", "link", "add", left, "type", "veth", "peer", "name", right],
                ["ip", "link", "del", left],
            ),
            "iptables NAT": (["iptables", "-w", "-t", "nat", "-S", "POSTROUTING"], None),
        }
        failed = {}
        for feature, (attempt, undo) in attempts.items():
            if self.module.get_bin_path(attempt[0]) is None:
                continue
            code, output, error = self.module.run_command(attempt)
            if code:
                failed[feature] = (error or output).strip()
            elif undo:
                self.module.run_command(undo)
        failed.update(self.failed_overlay())
        return failed

    def failed_overlay(self) -> dict[str, str]:
        """Try an overlay mount where the lab will make its own."""
        parent = existing_parent(self.state_dir)
        folder = tempfile.mkdtemp(dir=parent, prefix=".lab-preflight.")
        try:
            layers = {name: os.path.join(folder, name) for name in ("lower", "upper", "work", "merged")}
            for path in layers.values():
                os.mkdir(path)
            options = f"lowerdir={layers['lower']},upperdir={layers['upper']},workdir={layers['work']}"
            code, output, error = self.module.run_command(
                ["mount", "-t", "overlay", "overlay", "-o", options, layers["merged"]]
            )
            if code:
                return {"overlayfs": (error or output).strip()}
            self.module.run_command(["umount", layers["merged"]], check_rc=True)
            return {}
        finally:
            shutil.rmtree(folder)

    def go_version(self, program: str) -> str:
        """Version of the Go tool, empty when it can't be run."""
        if self.module.get_bin_path(program) is None:
            return ""
        code, output, _error = self.module.run_command([program, "env", "GOVERSION"])
        return "" if code else output.strip()


def text_of(path: str) -> str:
    """Content of a file, empty when it does not exist."""
    return (read_or_none(path) or b"").decode(errors="replace")


def socket_inodes(pid: int) -> list[str]:
    """Inodes of the sockets that ``pid`` has open."""
    folder = f"/proc/{pid}/fd"
    found = []
    try:
        for name in os.listdir(folder):
            target = os.readlink(os.path.join(folder, name))
            if target.startswith("socket:["):
                found.append(target[8:-1])
    except OSError:
        pass
    return found


def existing_parent(path: str) -> str:
    """``path`` or the nearest folder above it that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def free_mb(folder: str) -> int:
    """Space that is left where ``folder`` is or will be."""
    status = os.statvfs(existing_parent(folder))
    return status.f_bavail * status.f_frsize // 1_000_000


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
        disk[os.path.expanduser("~/.cache")] = options["minimum_build_disk_mb"]
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
    found = _preflight.problems(Survey(module).machine(list(disk), options["go"]), demands)
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
