# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Look at the machine a lab is about to start on."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from typing import Callable, Dict, List, Optional, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _preflight
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._files import read_or_none
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._process import MARKER, ProcFs

Run = Callable[..., Tuple[int, str, str]]
"""Runs a command; returns exit status, output, errors."""

FindProgram = Callable[[str], Optional[str]]
"""Path of a program, None when there is none."""

NODE_AGENTS = ("kubelet", "kube-proxy", "k3s", "k3s-server", "rke2", "k0s")


class Survey:
    """Looks at this machine."""

    def __init__(self, state_dir: str, run: Run, find_program: FindProgram) -> None:
        self.state_dir = state_dir
        self.run = run
        self.find_program = find_program
        self.proc = ProcFs()

    def machine(self, folders: List[str], go: str) -> _preflight.Machine:
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

    def listeners(self) -> Dict[int, _preflight.Holder]:
        """Port to the process that listens on it."""
        ports: Dict[str, int] = {}
        for name in ("tcp", "tcp6"):
            ports.update(_preflight.parse_listening(text_of("/proc/net/" + name)))
        found = {port: _preflight.Holder(0, "") for port in ports.values()}
        for pid in self.proc.pids():
            for inode in socket_inodes(pid):
                if inode in ports:
                    found[ports[inode]] = self.holder(pid)
        return found

    def foreign(self) -> List[_preflight.Holder]:
        """Node agents of other clusters that share our network namespace."""
        here = self.proc.namespace(os.getpid(), "net")
        found = []
        for pid in self.proc.pids():
            holder = self.holder(pid)
            if holder.name in NODE_AGENTS and not holder.ours and self.proc.namespace(pid, "net") == here:
                found.append(holder)
        return found

    def failed_probes(self) -> Dict[str, str]:
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
            if self.find_program(attempt[0]) is None:
                continue
            code, output, error = self.run(attempt)
            if code:
                failed[feature] = (error or output).strip()
            elif undo:
                self.run(undo)
        failed.update(self.failed_overlay())
        return failed

    def failed_overlay(self) -> Dict[str, str]:
        """Try an overlay mount where the lab will make its own."""
        parent = existing_parent(self.state_dir)
        folder = tempfile.mkdtemp(dir=parent, prefix=".lab-preflight.")
        try:
            layers = {name: os.path.join(folder, name) for name in ("lower", "upper", "work", "merged")}
            for path in layers.values():
                os.mkdir(path)
            options = f"lowerdir={layers['lower']},upperdir={layers['upper']},workdir={layers['work']}"
            code, output, error = self.run(["mount", "-t", "overlay", "overlay", "-o", options, layers["merged"]])
            if code:
                return {"overlayfs": (error or output).strip()}
            self.run(["umount", layers["merged"]])
            return {}
        finally:
            shutil.rmtree(folder)

    def go_version(self, program: str) -> str:
        """Version of the Go tool, empty when it can't be run."""
        if self.find_program(program) is None:
            return ""
        code, output, _error = self.run([program, "env", "GOVERSION"])
        return "" if code else output.strip()


def text_of(path: str) -> str:
    """Content of a file, empty when it does not exist."""
    return (read_or_none(path) or b"").decode(errors="replace")


def socket_inodes(pid: int) -> List[str]:
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
