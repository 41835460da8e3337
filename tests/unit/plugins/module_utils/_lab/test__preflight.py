# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reason not to start, said at once and so that one can act on it."""

from __future__ import annotations

import dataclasses
import socket

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _preflight, _survey
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._preflight import (
    Demands,
    Holder,
    Machine,
)

DEMANDS = Demands(
    cores=2,
    memory_mb=4000,
    disk_mb={"/var/lib/lab": 6000},
    ports={"api": 26443, "etcd": 26379},
    pod_cidr="10.244.0.0/16",
    service_cidr="10.96.0.0/16",
    bridge="lab0",
    node_address="192.0.2.2",
    go="1.26",
)
MACHINE = Machine(disk_mb={"/var/lib/lab": 9000}, routes=[("192.0.2.0/24", "eth0"), ("10.244.0.0/16", "lab0")])


def problems(machine=None, **demands):
    found = dataclasses.replace(MACHINE, **(machine or {}))
    return _preflight.problems(found, dataclasses.replace(DEMANDS, **demands))


def test_good_machine_has_no_problem():
    assert problems() == []


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        ({"system": "Darwin"}, "needs Linux, this is Darwin"),
        ({"uid": 1000}, "needs root"),
        ({"cores": 1}, "1 CPU cores, 2 are needed (lab_minimum_cores)"),
        ({"memory_mb": 2000}, "2000 MB of memory, 4000 are needed (lab_minimum_memory_mb)"),
        ({"disk_mb": {"/var/lib/lab": 5}}, "5 MB free for /var/lib/lab, 6000 are needed"),
        ({"listeners": {26379: Holder(7, "etcd")}}, "Port 26379 (etcd) is in use by etcd (pid 7)"),
        ({"listeners": {26443: Holder(0, "")}}, "in use by a process that can't be seen from here"),
        ({"foreign": [Holder(9, "kubelet")]}, "kubelet (pid 9) of another Kubernetes runs here"),
        (
            {"failed_probes": {"bridges": "Operation not supported"}},
            "The kernel lacks bridges: Operation not supported",
        ),
        ({"cgroup_v1": ["cpu"]}, "cpuacct, cpuset, memory, devices, freezer, pids"),
        ({"routes": [("10.96.128.0/20", "vpn0")]}, "lab_service_cidr 10.96.0.0/16 overlaps 10.96.128.0/20"),
    ],
)
def test_problem_of_the_machine(machine, words):
    (problem,) = problems(machine)
    assert words in problem


@pytest.mark.parametrize(
    ("demands", "words"),
    [
        ({"node_address": ""}, "Name one in lab_node_address"),
        ({"node_address": "127.0.0.1"}, "is a loopback address"),
        ({"pod_cidr": "10.244.0.0/33"}, "lab_pod_cidr: "),
        ({"pod_cidr": "10.244.0.0/25"}, "must be at least a /24"),
        ({"pod_cidr": "10.96.0.0/12"}, "lab_pod_cidr and lab_service_cidr overlap"),
        ({"to_build": ["kubernetes 1.36.3"]}, "The Go tool (lab_go) was not found; 1.26 or newer is needed to build"),
    ],
)
def test_problem_of_the_settings(demands, words):
    (problem,) = problems(**demands)
    assert words in problem


def test_name_of_the_bridge_must_fit_an_interface():
    (problem,) = problems({"routes": []}, bridge="a-name-that-is-too-long")
    assert "longer than the 15 characters" in problem


def test_old_go_is_a_problem_only_when_something_is_built():
    (problem,) = problems({"go": "go1.25.4"}, to_build=["coredns 1.15.0"])
    assert "is go1.25.4; 1.26 or newer is needed to build coredns 1.15.0" in problem
    assert problems({"go": "go1.25.4"}) == []
    assert problems({"go": "go1.26.8"}, to_build=["coredns 1.15.0"]) == []


def test_own_processes_may_hold_the_ports():
    assert problems({"listeners": {26443: Holder(7, "kube-apiserver", ours=True)}}) == []


def test_cgroup_v2_needs_no_v1():
    assert problems({"cgroup_v1": [], "cgroup_v2": True}) == []


def test_all_problems_come_at_once():
    assert len(problems({"uid": 1, "cores": 1, "listeners": {26443: Holder(7, "x")}}, node_address="")) == 4


def test_listening_sockets():
    text = (
        "  sl  local_address rem_address   st\n"
        "   0: 0100007F:674B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1\n"
        "   1: 0100007F:674C 0100007F:0001 01 00000000:00000000 00:00000000 00000000     0        0 4243 1\n"
    )
    assert _preflight.parse_listening(text) == {"4242": 26443}


def test_routes():
    text = (
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\n"
        "lab0\t0000F40A\t00000000\t0001\t0\t0\t0\t0000FFFF\n"
    )
    assert _preflight.parse_routes(text) == [("10.244.0.0/16", "lab0")]


def test_cgroup_mounts():
    hybrid = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu,cpuacct 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    assert _preflight.parse_cgroups(hybrid)[0] is False
    assert {"cpu", "cpuacct"} <= set(_preflight.parse_cgroups(hybrid)[1])
    assert _preflight.parse_cgroups("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n") == (True, [])


def test_nameservers_that_a_pod_can_reach():
    text = "nameserver 127.0.0.53\nnameserver 10.0.0.1\nnameserver fe80::1\nsearch x\nnameserver 10.0.0.2\n"
    assert _preflight.nameservers(text) == ["10.0.0.1", "10.0.0.2"]


class Commands:
    """Plays the programs of a machine: a list of (start of the command, answer)."""

    def __init__(self, *answers):
        self.answers, self.calls = answers, []

    def __call__(self, command, **_more):
        self.calls.append(" ".join(command))
        for start, answer in self.answers:
            if self.calls[-1].startswith(start):
                return answer
        return 0, "", ""


def survey(tmp_path, *answers, programs=("ip", "iptables", "go")):
    commands = Commands(*answers)
    found = _survey.Survey(str(tmp_path), commands, lambda name: f"/bin/{name}" if name in programs else None)
    found.commands = commands
    return found


def test_kernel_features_are_tried_and_undone(tmp_path):
    found = survey(tmp_path, ("mount", (32, "", "mount: unknown filesystem type")))
    assert found.failed_probes() == {"overlayfs": "mount: unknown filesystem type"}
    assert [call.split()[:3] for call in found.commands.calls].count(["ip", "link", "del"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_feature_whose_tool_is_missing_is_not_tried_yet(tmp_path):
    failing = (("ip ", (2, "", "RTNETLINK answers: Operation not supported\n")), ("iptables", (3, "", "no")))
    assert survey(tmp_path, *failing, programs=()).failed_probes() == {}
    assert survey(tmp_path, *failing).failed_probes() == {
        "bridges": "RTNETLINK answers: Operation not supported",
        "veth pairs": "RTNETLINK answers: Operation not supported",
        "iptables NAT": "no",
    }


def test_go_version(tmp_path):
    assert survey(tmp_path, ("go env", (0, "go1.26.8\n", ""))).go_version("go") == "go1.26.8"
    assert survey(tmp_path, ("go env", (1, "", ""))).go_version("go") == ""
    assert survey(tmp_path, programs=()).go_version("go") == ""


def test_this_very_machine_can_be_looked_at(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        machine = survey(tmp_path).machine([str(tmp_path / "new/folder")], "go")
        holder = machine.listeners[listener.getsockname()[1]]
    assert holder.pid
    assert not holder.ours
    assert machine.cores
    assert machine.memory_mb > 100
    assert machine.disk_mb[str(tmp_path / "new/folder")] > 0


def test_text_of_a_missing_file():
    assert _survey.text_of("/nonexistent") == ""
    assert _survey.socket_inodes(2**22 + 1) == []
