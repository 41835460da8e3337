# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory of GPU hosts that are trees of plain files, and runs of the playbook over them."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import driver_case
import gpu_trees
import pytest
import yaml
from integration.gpu_hosts import fakes
from integration.gpu_hosts.machines import Machines

HERE = Path(__file__).parent
OLD, NEW = "570.172.08", "580.95.05"
STATE = "var/lib/openhands-gpu-observability"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/rollout-gpu-maintenance"
CONSENT = {"nvidia_driver_disruption": True}
PATIENCE = 600
"""Seconds for one run."""


@dataclass
class Run:
    """How a run ended."""

    code: int
    output: str
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> dict[str, int]:
        """Changed tasks by host, as the recap has them."""
        recap = re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", self.output, re.MULTILINE)
        return {host: int(count) for host, count in recap}

    @property
    def ended(self) -> dict[str, dict[str, Any]]:
        """How each host ended, as the report has it."""
        return {one["host"]: one for one in self.report["hosts"]}

    def row(self, host: str, title: str = "how the run ended") -> str:
        """The row that a table has for a host."""
        table = self.output.partition(title)[2]
        return next((line for line in table.splitlines() if re.match(rf"{re.escape(host)}\b", line)), "")


@dataclass
class Site:
    """An inventory of simulated hosts."""

    product: Path
    folder: Path
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    cluster: dict[str, Any] = field(default_factory=dict)
    made: dict[str, gpu_trees.Tree] = field(default_factory=dict)

    def tree(self, host: str) -> Path:
        """A host's root."""
        return self.folder / "hosts" / host

    def host(self, name: str, version: str = OLD, gpus: int = 1, **variables: Any) -> gpu_trees.Tree:
        """Add a host with T4s and a driver, none for an empty version."""
        tree = gpu_trees.host(self.tree(name), "debian13")
        for number in range(gpus):
            gpu_trees.gpu(
                tree, f"0000:{0x3B + number:02x}:00.0", "0x1eb8", "0x12a2", driver="nvidia" if version else ""
            )
        tree.write("/etc/apt/sources.list.d/fake.list", "# none")
        tree.folder("/etc/apt/apt.conf.d")
        tree.write("/etc/modprobe.d/fake.conf", "blacklist nouveau")
        tree.write("/dev/kmsg", "6,1,100,-;Linux version 6.12")
        for number, address in enumerate(tree.addresses):
            tree.write(f"/proc/driver/nvidia/gpus/{address}/information", f"Device Minor: {number}")
        if version:
            gpu_trees.driver(tree, version)
            tree.write("/fake/installed", version)
            (tree.root / "fake/installed").write_text(version)
            driver_case.set_up(tree.root)
        self._python(tree.root)
        self.hosts[name] = variables
        self.made[name] = tree
        return tree

    def machine(self, machines: Machines, name: str, node: str, version: str = OLD, **variables: Any) -> gpu_trees.Tree:
        """Add a host that can be rebooted, and is a node."""
        tree = self.host(name, version, ansible_connection="simulated", platform_node_name=node, **variables)
        machines.add(tree.root, node)
        return tree

    def _python(self, root: Path) -> None:
        """An interpreter that finds the fake programs and knows whose they are."""
        programs = root / "fake/bin"
        programs.mkdir(parents=True)
        for name in fakes.PROGRAMS:
            (programs / name).symlink_to(HERE / "fakes.sh")
        wrapper = root / "fake/python"
        wrapper.write_text(
            f'#!/bin/sh\nexport GPU_OBSERVABILITY_FAKE_ROOT={root} PATH={programs}:"$PATH"\n'
            f'exec {sys.executable} "$@"\n'
        )
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)

    def inventory(self) -> Path:
        """Write the inventory."""
        hosts = {
            name: {
                "ansible_python_interpreter": str(self.tree(name) / "fake/python"),
                "__nvidia_driver_root": str(self.tree(name)),
                **variables,
            }
            for name, variables in self.hosts.items()
        }
        common = {
            "ansible_connection": "local",
            "nvidia_driver_validation": {"optional": ["cuda"], "wait": 0},
            "nvidia_driver_timeouts": {"holders": 0},
            "nvidia_driver_report_path": str(self.folder / "gpu_hosts.json"),
        }
        children: dict[str, Any] = {"gpu_nodes": {"hosts": hosts, "vars": common}}
        if self.cluster:
            children["kubernetes_clusters"] = {
                "hosts": {
                    "here": {
                        "ansible_connection": "local",
                        "ansible_python_interpreter": sys.executable,
                        **self.cluster,
                    }
                }
            }
        path = self.folder / "hosts.yml"
        path.write_text(yaml.safe_dump({"all": {"children": children}}))
        return path

    def command(self, *options: str, playbook: str = "gpu_hosts", forks: int = 8, **variables: Any) -> list[str]:
        """What is run; the inventory is written for it."""
        extra = {"__nvidia_driver_state_dir": "{{ __nvidia_driver_root }}/" + STATE, **variables}
        program = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.inventory()), *options]
        return [*program, f"playbooks/{playbook}.yml", "-f", str(forks), "-e", json.dumps(extra)]

    def environment(self) -> dict[str, str]:
        """And with what variables."""
        return {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(self.product.parents[2]),
            "ANSIBLE_CONFIG": str(self.product / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection"),
            "GPU_OBSERVABILITY_FAKES": str(HERE),
        }

    def start(self, *options: str, playbook: str = "gpu_hosts", **variables: Any) -> subprocess.Popen[str]:
        """Start a run in a process group of its own."""
        return subprocess.Popen(
            self.command(*options, playbook=playbook, **variables),
            cwd=self.product,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *options: str, **variables: Any) -> Run:
        """Run to the end."""
        return self.finish(self.start(*options, **variables))

    def finish(self, process: subprocess.Popen[str]) -> Run:
        """Wait for the end of a run."""
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            pytest.fail(f"the run didn't end:\n{output[-4000:]}")
        print(output)  # shown where a test fails
        return Run(process.returncode, output, self.report())

    def killed(self, when: Callable[[], bool], *options: str, **variables: Any) -> str:
        """Run until something is the case, then kill the run; returns what it had said."""
        process = self.start(*options, **variables)
        deadline = time.monotonic() + PATIENCE
        while not when() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        ended = process.poll() is not None
        if not ended:
            os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        print(output)
        if ended or time.monotonic() >= deadline:
            pytest.fail("the run ended, or what it should be killed at never came")
        return output

    def report(self) -> dict[str, Any]:
        """What the last run wrote at its end."""
        path = self.folder / "gpu_hosts-result.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def loaded(self, host: str) -> str:
        """The version in the host's kernel; empty where there is none."""
        version = self.tree(host) / "sys/module/nvidia/version"
        return version.read_text().strip() if version.exists() else ""
