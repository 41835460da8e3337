# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Clear away what a lab's processes left on the machine."""

from __future__ import annotations

import json
import os
import shutil
from typing import Callable, Iterable, List, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _before, _netfilter, _process
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._files import read_or_none

Run = Callable[..., Tuple[int, str, str]]
"""Runs a command: arguments, ``data`` for its standard input; returns exit status, output, errors."""

FAMILIES = (("iptables-save", "iptables-restore"), ("ip6tables-save", "ip6tables-restore"))
RUNTIMES = ("containerd", "containerd-shim-runc-v2")
NODE_AGENTS = ("kubelet", "kube-proxy")
SHIM_SOCKETS = "/run/containerd/s/"
CNI_RESULTS = "/var/lib/cni/results"
LOG_LINKS = "/var/log/containers"


class Broom:
    """Sweeps for one lab. Every method returns what it removed, in words."""

    def __init__(self, state_dir: str, cgroup: str, network: str, bridge: str, run: Run) -> None:
        self.state_dir = state_dir
        self.cgroup = cgroup
        self.network = network
        self.bridge = bridge
        self.run = run
        self.proc = _process.ProcFs()

    def pids(self, names: Optional[Iterable[str]] = None) -> List[int]:
        """Processes of this lab, all or those with one of ``names``."""
        found = _process.members(self.state_dir, self.proc)
        if names is None:
            return found
        wanted = set(names)
        return [pid for pid in found if os.path.basename((self.proc.cmdline(pid) or [""])[0]) in wanted]

    def container_pids(self) -> List[int]:
        """Processes in the lab's pods, known by their cgroup."""
        found = set()
        for folder in self.cgroup_folders():
            for path, _folders, files in os.walk(folder):
                if "cgroup.procs" in files:
                    found.update((read_or_none(os.path.join(path, "cgroup.procs")) or b"").split())
        return sorted(int(item) for item in found)

    def stop(self, pids: Sequence[int], grace: float) -> List[str]:
        names = [os.path.basename((self.proc.cmdline(pid) or ["?"])[0]) for pid in pids]
        survivors = _process.stop(pids, self.proc, grace)
        if survivors:
            raise OSError(f"processes {survivors} can't be stopped")
        return [f"process {name} ({pid})" for name, pid in zip(names, pids)]

    def cgroup_folders(self) -> List[str]:
        mounts = (read_or_none("/proc/mounts") or b"").decode(errors="replace")
        return [path for path in _before.cgroup_folders(mounts, self.cgroup) if os.path.isdir(path)]

    def unmount(self, folder: str) -> List[str]:
        """Unmount everything in and below ``folder``."""
        removed = []
        for point in _before.mounts_below(_mountinfo(), folder):
            code, _output, error = self.run(["umount", point])
            if code:
                code, _output, error = self.run(["umount", "--lazy", point])
            if code and point in _before.mounts_below(_mountinfo(), folder):
                raise OSError(f"{point} can't be unmounted: {error.strip()}")
            removed.append(f"mount {point}")
        return removed

    def rules(self, kubernetes: bool) -> List[str]:
        """Remove packet filter rules; those of Kubernetes only on request."""
        removed = []
        for save, restore in FAMILIES:
            code, output, _error = self.run([save])
            text = _netfilter.removal(output, self.network, kubernetes) if code == 0 else ""
            if not text:
                continue
            code, _output, error = self.run([restore, "-w", "--noflush"], data=text)
            if code:
                raise OSError(f"{restore} could not remove the lab's rules: {error.strip()}")
            removed.append(f"rules of {restore.split('-', maxsplit=1)[0]}")
        return removed

    def interfaces(self) -> List[str]:
        """Remove the pods' bridge and what is still plugged into it."""
        removed = []
        for name in [*self._links("master", self.bridge), *self._links("dev", self.bridge)]:
            code, _output, error = self.run(["ip", "link", "delete", name])
            if code and self._links("dev", name):
                raise OSError(f"interface {name} can't be removed: {error.strip()}")
            removed.append(f"interface {name}")
        return removed

    def _links(self, key: str, value: str) -> List[str]:
        """Names of interfaces; none when the one asked for does not exist."""
        code, output, _error = self.run(["ip", "-json", "link", "show", key, value])
        return [] if code or not output.strip() else [str(link["ifname"]) for link in json.loads(output)]

    def cgroups(self) -> List[str]:
        """Remove the lab's cgroup."""
        removed = self.pod_cgroups()
        for folder in self.cgroup_folders():
            os.rmdir(folder)
            removed.append(f"cgroup {folder}")
        return removed

    def pod_cgroups(self) -> List[str]:
        """Remove the empty cgroups of dead pods: kubelet waits three seconds for each before it does anything."""
        removed = []
        for folder in self.cgroup_folders():
            for path, _folders, _files in os.walk(folder, topdown=False):
                if path != folder:
                    os.rmdir(path)
                    removed.append(f"cgroup {path}")
        return removed

    def shim_sockets(self) -> List[str]:
        """Sockets that containerd's shims keep outside of the state folder, as their bundles name them."""
        removed = []
        bundles = os.path.join(self.state_dir, "run/containerd/io.containerd.runtime.v2.task/k8s.io")
        for name in os.listdir(bundles) if os.path.isdir(bundles) else ():
            address = (read_or_none(os.path.join(bundles, name, "address")) or b"").decode().strip()
            path = address[len("unix://") :] if address.startswith("unix://" + SHIM_SOCKETS) else ""
            if path and os.path.lexists(path):
                os.unlink(path)
                removed.append(path)
        return removed

    def cni_results(self) -> List[str]:
        """Records of the CNI library that name a network namespace of this lab."""
        folder, mark = CNI_RESULTS, self.state_dir.encode() + b"/"
        removed = []
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            path = os.path.join(folder, name)
            if name.startswith(self.network + "-") or mark in (read_or_none(path) or b""):
                os.unlink(path)
                removed.append(path)
        return removed

    def log_links(self) -> List[str]:
        """Links of kubelet to the logs of this lab."""
        folder = LOG_LINKS
        removed = []
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            path = os.path.join(folder, name)
            if os.path.islink(path) and os.readlink(path).startswith(self.state_dir + "/"):
                os.unlink(path)
                removed.append(path)
        return removed

    def dead_runtime(self) -> List[str]:
        """After a reboot or a kill of everything: have the container runtime start from nothing.

        While one shim lives, containerd takes up its containers again, and nothing here is touched.
        """
        if self.pids(RUNTIMES):
            return []
        removed = self.stop(self.container_pids(), grace=0) + self.pod_cgroups()
        run_dir = os.path.join(self.state_dir, "run")
        removed += self.unmount(run_dir)
        stale = [name for name in ("containerd", "runc", "cni") if os.path.isdir(os.path.join(run_dir, name))]
        if stale:
            removed += self.shim_sockets() + self.cni_results() + self.rules(kubernetes=False)
        for name in stale:
            shutil.rmtree(os.path.join(run_dir, name))
            removed.append(os.path.join(run_dir, name))
        return removed


def _mountinfo() -> str:
    return (read_or_none("/proc/self/mountinfo") or b"").decode(errors="replace")
