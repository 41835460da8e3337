# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What speaks against starting a lab on a machine: every problem at once, each with what to do."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._recipe import go_version

CGROUP_V1_NEEDED = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids")


@dataclass(frozen=True)
class Holder:
    """Who listens on a port. ``ours`` is true for a process of the very lab that is about to start."""

    pid: int
    name: str
    ours: bool = False


@dataclass(frozen=True)
class Machine:
    """What was found. Sizes in MB."""

    system: str = "Linux"
    uid: int = 0
    cores: int = 2
    memory_mb: int = 8000
    disk_mb: Mapping[str, int] = field(default_factory=dict)
    """Free space by folder."""
    listeners: Mapping[int, Holder] = field(default_factory=dict)
    foreign: Sequence[Holder] = ()
    """Node agents of another Kubernetes in our network namespace."""
    cgroup_v2: bool = False
    cgroup_v1: Sequence[str] = CGROUP_V1_NEEDED
    failed_probes: Mapping[str, str] = field(default_factory=dict)
    """Kernel feature to what the attempt said."""
    routes: Sequence[Tuple[str, str]] = ()
    """Network and device of every route but the default one."""
    go: str = ""
    """Version of the Go tool, empty when there is none."""


@dataclass(frozen=True)
class Demands:
    """What the lab needs. Sizes in MB."""

    cores: int
    memory_mb: int
    disk_mb: Mapping[str, int]
    ports: Mapping[str, int]
    pod_cidr: str
    service_cidr: str
    bridge: str
    node_address: str
    go: str = ""
    """Smallest Go version, empty when nothing must be built."""
    to_build: Sequence[str] = ()


def problems(machine: Machine, demands: Demands) -> List[str]:
    """Everything that must be mended first; empty when the lab can start."""
    found: List[str] = []
    for check in CHECKS:
        found.extend(check(machine, demands))
    return found


def _system(machine: Machine, _demands: Demands) -> List[str]:
    found = []
    if machine.system != "Linux":
        found.append(f"The lab needs Linux, this is {machine.system}.")
    if machine.uid:
        found.append("The lab needs root: run ansible-playbook as root or with sudo.")
    return found


def _size(machine: Machine, demands: Demands) -> List[str]:
    found = []
    if machine.cores < demands.cores:
        found.append(f"{machine.cores} CPU cores, {demands.cores} are needed (lab_minimum_cores).")
    if machine.memory_mb < demands.memory_mb:
        found.append(f"{machine.memory_mb} MB of memory, {demands.memory_mb} are needed (lab_minimum_memory_mb).")
    for folder, wanted in demands.disk_mb.items():
        free = machine.disk_mb.get(folder, wanted)
        if free < wanted:
            found.append(f"{free} MB free for {folder}, {wanted} are needed. Free some or move the folder elsewhere.")
    return found


def _ports(machine: Machine, demands: Demands) -> List[str]:
    found = []
    for name, port in demands.ports.items():
        holder = machine.listeners.get(port)
        if holder and not holder.ours:
            who = f"{holder.name} (pid {holder.pid})" if holder.pid else "a process that can't be seen from here"
            found.append(f"Port {port} ({name}) is in use by {who}. Stop it or choose another lab_port_base.")
    return found


def _neighbours(machine: Machine, _demands: Demands) -> List[str]:
    return [
        f"{holder.name} (pid {holder.pid}) of another Kubernetes runs here; its service rules and the lab's would"
        " overwrite each other. Use another machine or another network namespace."
        for holder in machine.foreign
    ]


def _kernel(machine: Machine, _demands: Demands) -> List[str]:
    found = [f"The kernel lacks {name}: {said}" for name, said in machine.failed_probes.items()]
    if not machine.cgroup_v2:
        missing = [name for name in CGROUP_V1_NEEDED if name not in machine.cgroup_v1]
        if missing:
            found.append(f"Neither cgroup v2 nor these cgroup v1 controllers are mounted: {', '.join(missing)}.")
    return found


def _network(machine: Machine, demands: Demands) -> List[str]:
    found = []
    if not demands.node_address:
        found.append("This machine has no address with a default route. Name one in lab_node_address.")
    elif ipaddress.ip_address(demands.node_address).is_loopback:
        found.append(f"lab_node_address {demands.node_address} is a loopback address, which pods can't reach.")
    ranges: Dict[str, ipaddress.IPv4Network] = {}
    for name, text in (("lab_pod_cidr", demands.pod_cidr), ("lab_service_cidr", demands.service_cidr)):
        try:
            ranges[name] = ipaddress.IPv4Network(text)
        except ValueError as error:
            found.append(f"{name}: {error}")
            continue
        if ranges[name].prefixlen > 24 or not text.split("/")[0].endswith(".0"):
            found.append(f"{name} {text} must be at least a /24 whose address ends in .0.")
        for network, device in machine.routes:
            if device != demands.bridge and ranges[name].overlaps(ipaddress.IPv4Network(network)):
                found.append(f"{name} {text} overlaps {network}, which is reached over {device}.")
    if len(ranges) == 2 and ranges["lab_pod_cidr"].overlaps(ranges["lab_service_cidr"]):
        found.append("lab_pod_cidr and lab_service_cidr overlap.")
    if len(demands.bridge) > 15:
        found.append(f"lab_bridge {demands.bridge} is longer than the 15 characters of an interface name.")
    return found


def _toolchain(machine: Machine, demands: Demands) -> List[str]:
    if not demands.to_build or not demands.go:
        return []
    for_what = f"to build {', '.join(demands.to_build)}. Or give release archives in lab_release_base"
    if not machine.go:
        return [f"The Go tool (lab_go) was not found; {demands.go} or newer is needed {for_what}."]
    if go_version(machine.go) < go_version(demands.go):
        return [f"The Go tool (lab_go) is {machine.go}; {demands.go} or newer is needed {for_what}."]
    return []


CHECKS: Tuple[Callable[[Machine, Demands], List[str]], ...] = (
    _system,
    _size,
    _ports,
    _neighbours,
    _kernel,
    _network,
    _toolchain,
)


def parse_listening(text: str) -> Dict[str, int]:
    """Socket inode to port for every listening socket in /proc/net/tcp or tcp6."""
    found: Dict[str, int] = {}
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == "0A":
            found[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    return found


def parse_routes(text: str) -> List[Tuple[str, str]]:
    """Network and device of the routes in /proc/net/route, without the default one."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8 or fields[7] == "00000000":
            continue
        address, mask = (ipaddress.IPv4Address(bytes.fromhex(fields[index])[::-1]) for index in (1, 7))
        found.append((str(ipaddress.IPv4Network(f"{address}/{mask}")), fields[0]))
    return found


def parse_cgroups(mounts: str) -> Tuple[bool, List[str]]:
    """Whether cgroup v2 is the main hierarchy, and the v1 controllers, from /proc/mounts."""
    v1: List[str] = []
    v2 = False
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[2] == "cgroup":
            v1.extend(fields[3].split(","))
        elif len(fields) > 2 and fields[2] == "cgroup2" and fields[1] == "/sys/fs/cgroup":
            v2 = True
    return v2, v1


def nameservers(resolv_conf: str) -> List[str]:
    """IPv4 servers of a resolv.conf that a pod can reach: loopback ones are the machine's own."""
    found = []
    for line in resolv_conf.splitlines():
        fields = line.split()
        if len(fields) > 1 and fields[0] == "nameserver":
            address = _address(fields[1])
            if address and not address.is_loopback:
                found.append(str(address))
    return found


def _address(text: str) -> Optional[ipaddress.IPv4Address]:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        return None
