# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sweeping up after a lab, with the machine's programs played."""

from __future__ import annotations

import os

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _broom
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._broom import Broom

RULES = r"""*nat
:KUBE-X - [0:0]
:CNI-a - [0:0]
-A POSTROUTING -m comment --comment "name: \"net\" id: \"1\"" -j CNI-a
COMMIT
"""


class Machine:
    """Answers commands and notes them."""

    def __init__(self):
        self.calls, self.inputs, self.links, self.failing = [], [], {}, {}
        self.rules = {"iptables-save": RULES, "ip6tables-save": ""}

    def __call__(self, command, data=None):
        line = " ".join(command)
        self.calls.append(line)
        if data:
            self.inputs.append(data)
        if line in self.failing:
            return 1, "", self.failing[line]
        if command[0] in self.rules:
            return 0, self.rules[command[0]], ""
        if line.startswith("ip -json link show"):
            names = self.links.get(" ".join(command[4:]), [])
            return (0, str([{"ifname": name} for name in names]).replace("'", '"'), "") if names else (1, "", "gone")
        return 0, "", ""


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def broom(tmp_path, machine, monkeypatch):
    made = Broom(str(tmp_path / "state"), "lab-group", "net", "lab0", machine)
    (tmp_path / "state/run").mkdir(parents=True)
    monkeypatch.setattr(made, "pids", lambda _names=None: [])
    monkeypatch.setattr(made, "container_pids", list)
    return made


def test_rules_of_both_families(broom, machine):
    assert broom.rules(kubernetes=True) == ["rules of iptables"]
    assert "iptables-restore -w --noflush" in machine.calls
    assert "-X KUBE-X" in machine.inputs[0]
    broom.rules(kubernetes=False)
    assert "KUBE-X" not in machine.inputs[1]


def test_rules_that_stay_are_an_error(broom, machine):
    machine.failing["iptables-restore -w --noflush"] = "line 3 failed"
    with pytest.raises(OSError, match="could not remove the lab's rules: line 3 failed"):
        broom.rules(kubernetes=True)


def test_bridge_and_its_ports_go(broom, machine):
    machine.links = {"master lab0": ["veth1"], "dev lab0": ["lab0"]}
    assert broom.interfaces() == ["interface veth1", "interface lab0"]
    assert "ip link delete veth1" in machine.calls


def test_no_bridge_nothing_to_do(broom):
    assert broom.interfaces() == []


def test_interface_that_stays_is_an_error(broom, machine):
    machine.links = {"dev lab0": ["lab0"]}
    machine.failing["ip link delete lab0"] = "busy"
    with pytest.raises(OSError, match="lab0 can't be removed: busy"):
        broom.interfaces()


def mountinfo(monkeypatch, *points):
    text = "".join(f"1 0 0:1 / {point} rw - tmpfs tmpfs rw\n" for point in points)
    monkeypatch.setattr(_broom, "_mountinfo", lambda: text)


def test_mounts_go_inner_ones_first_and_lazily_when_busy(broom, machine, monkeypatch):
    mountinfo(monkeypatch, "/state/a", "/state/a/b")
    machine.failing["umount /state/a"] = "busy"
    assert broom.unmount("/state") == ["mount /state/a/b", "mount /state/a"]
    assert machine.calls == ["umount /state/a/b", "umount /state/a", "umount --lazy /state/a"]


def test_mount_that_stays_is_an_error(broom, machine, monkeypatch):
    mountinfo(monkeypatch, "/state/a")
    machine.failing.update({"umount /state/a": "busy", "umount --lazy /state/a": "no"})
    with pytest.raises(OSError, match="/state/a can't be unmounted: no"):
        broom.unmount("/state")


def test_cgroup_goes_from_inside(broom, tmp_path, monkeypatch):
    group = tmp_path / "cpu/lab-group"
    (group / "kubepods/pod1").mkdir(parents=True)
    monkeypatch.setattr(broom, "cgroup_folders", lambda: [str(group)])
    assert broom.cgroups() == [f"cgroup {group}/{path}" for path in ("kubepods/pod1", "kubepods")] + [f"cgroup {group}"]
    assert not group.exists()
    assert (tmp_path / "cpu").exists()


def test_processes_in_pods_are_found_by_cgroup(machine, tmp_path, monkeypatch):
    broom = Broom(str(tmp_path), "lab-group", "net", "lab0", machine)
    (tmp_path / "group/pod").mkdir(parents=True)
    (tmp_path / "group/cgroup.procs").write_text("")
    (tmp_path / "group/pod/cgroup.procs").write_text("12\n7\n")
    monkeypatch.setattr(broom, "cgroup_folders", lambda: [str(tmp_path / "group")])
    assert broom.container_pids() == [7, 12]


def test_real_cgroup_folders_exist(machine, tmp_path):
    broom = Broom(str(tmp_path), "no-such-group-of-ours", "net", "lab0", machine)
    assert broom.cgroup_folders() == []
    assert broom.pids() == []
    assert broom.pids(["containerd"]) == []


def test_survivor_is_an_error(broom, monkeypatch):
    monkeypatch.setattr(_broom._process, "stop", lambda pids, _proc, _grace: list(pids))
    with pytest.raises(OSError, match=r"processes \[1\] can't be stopped"):
        broom.stop([1], 1)


def test_stopped_processes_are_named(broom, monkeypatch):
    monkeypatch.setattr(_broom._process, "stop", lambda _pids, _proc, _grace: [])
    assert broom.stop([2**22 + 1], 1) == [f"process ? ({2**22 + 1})"]


def test_dead_runtime_starts_from_nothing(broom, tmp_path, monkeypatch):
    run = tmp_path / "state/run"
    for name in ("containerd", "runc", "cni"):
        (run / name).mkdir()
    (run / "etcd.pid").write_text("{}")
    mountinfo(monkeypatch, f"{run}/containerd/rootfs", "/other")
    monkeypatch.setattr(broom, "cni_results", list)
    done = broom.dead_runtime()
    assert done[0] == f"mount {run}/containerd/rootfs"
    assert os.listdir(run) == ["etcd.pid"]


def test_cgroups_of_dead_pods_go_but_the_lab_s_own_stays(broom, tmp_path, monkeypatch):
    group = tmp_path / "cpu/lab-group"
    (group / "kubepods/pod1").mkdir(parents=True)
    mountinfo(monkeypatch)
    monkeypatch.setattr(broom, "cgroup_folders", lambda: [str(group)])
    broom.dead_runtime()
    assert list(group.iterdir()) == []


def test_living_shim_keeps_its_containers(broom, tmp_path, monkeypatch):
    (tmp_path / "state/run/containerd").mkdir()
    monkeypatch.setattr(broom, "pids", lambda names=None: [42] if "containerd-shim-runc-v2" in names else [])
    assert broom.dead_runtime() == []
    assert (tmp_path / "state/run/containerd").exists()


def test_fresh_machine_needs_no_sweeping(broom, monkeypatch):
    mountinfo(monkeypatch)
    assert broom.dead_runtime() == []


def test_links_to_logs_of_this_lab_go(broom, tmp_path, monkeypatch):
    folder = tmp_path / "containers"
    folder.mkdir()
    (folder / "ours.log").symlink_to(f"{broom.state_dir}/log/pods/x")
    (folder / "theirs.log").symlink_to("/var/log/pods/x")
    monkeypatch.setattr(_broom, "LOG_LINKS", str(folder))
    assert broom.log_links() == [str(folder / "ours.log")]
    assert os.listdir(folder) == ["theirs.log"]


def test_cni_records_of_this_lab_go(broom, tmp_path, monkeypatch):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "net-1-eth0").write_text("{}")
    (folder / "cni-loopback-1-lo").write_text(f'{{"sandbox": "{broom.state_dir}/run/netns/x"}}')
    (folder / "cni-loopback-2-lo").write_text('{"sandbox": "/run/netns/y"}')
    monkeypatch.setattr(_broom, "CNI_RESULTS", str(folder))
    broom.cni_results()
    assert os.listdir(folder) == ["cni-loopback-2-lo"]


def test_sockets_of_shims_are_found_by_their_bundles(broom, tmp_path, monkeypatch):
    bundles = tmp_path / "state/run/containerd/io.containerd.runtime.v2.task/k8s.io"
    sockets = tmp_path / "s"
    sockets.mkdir()
    monkeypatch.setattr(_broom, "SHIM_SOCKETS", f"{sockets}/")
    for name, address in (("a", f"unix://{sockets}/1"), ("b", "unix:///etc/passwd"), ("c", f"unix://{sockets}/gone")):
        (bundles / name).mkdir(parents=True)
        (bundles / name / "address").write_text(address)
    (sockets / "1").touch()
    (sockets / "2").touch()
    assert broom.shim_sockets() == [str(sockets / "1")]
    assert os.listdir(sockets) == ["2"]
    assert os.path.exists("/etc/passwd")
