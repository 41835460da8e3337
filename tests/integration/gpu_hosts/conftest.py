# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPU hosts that are trees of plain files, and the whole playbook over them; only their package manager is a fake."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gpu_trees
import pytest
import yaml
from integration.engine.apiserver import find_binaries
from integration.scale.control_plane import ControlPlane, find_kwok

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
OVERLAY = {
    "driver_packages.py": "plugins/modules/driver_packages.py",
    "change.yml": "roles/nvidia_driver/tasks/change.yml",
    "prepare.yml": "roles/nvidia_driver/tasks/prepare.yml",
    "containers.yml": "playbooks/gpu_hosts_containers.yml",
}
OLD, NEW = "570.172.08", "580.95.05"
STATE = "var/lib/openhands-gpu-observability"
STAGES = HERE.parent / "nodes" / "kwok_stages.yaml"
NODES = 6
ENTRIES = ("galaxy.yml", "meta", "playbooks", "plugins", "roles", "ansible.cfg")


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection with the fakes in their places."""
    folder = tmp_path_factory.mktemp("product") / "ansible_collections/openhands/gpu_observability"
    folder.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__", "_lab")
    for name in ENTRIES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    shutil.copytree(ROOT / "plugins/module_utils/_lab", folder / "plugins/module_utils/_lab")
    for name, target in OVERLAY.items():
        shutil.copy(HERE / "overlay" / name, folder / target)
    return folder


@dataclass
class Run:
    """How a run ended."""

    code: int
    output: str

    @property
    def changed(self) -> dict[str, int]:
        """Changed tasks by host, as the recap has them."""
        recap = re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", self.output, re.MULTILINE)
        return {host: int(count) for host, count in recap}

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
        tree.write("/etc/modprobe.d/fake.conf", "blacklist nouveau")
        tree.write("/dev/kmsg", "6,1,100,-;Linux version 6.12")
        for number, address in enumerate(tree.addresses):
            tree.write(f"/proc/driver/nvidia/gpus/{address}/information", f"Device Minor: {number}")
        if version:
            gpu_trees.driver(tree, version)
            tree.write("/fake/installed", version)
            (tree.root / "fake/installed").write_text(version)
        self._python(tree.root)
        self.hosts[name] = variables
        return tree

    def _python(self, root: Path) -> None:
        """An interpreter that finds the fake programs and knows whose they are."""
        programs = root / "fake/bin"
        programs.mkdir(parents=True)
        for name in ("rmmod", "modprobe", "nvidia-smi"):
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

    def start(self, *options: str, playbook: str = "gpu_hosts", **variables: Any) -> subprocess.Popen[str]:
        """Start a run in a process group of its own."""
        extra = {"__nvidia_driver_state_dir": "{{ __nvidia_driver_root }}/" + STATE, **variables}
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.inventory()), *options]
        command += [f"playbooks/{playbook}.yml", "-f", "8", "-e", json.dumps(extra)]
        return subprocess.Popen(
            command,
            cwd=self.product,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(self.product.parents[2]),
                "ANSIBLE_CONFIG": str(self.product / "ansible.cfg"),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_PIPELINING": "1",
                "GPU_OBSERVABILITY_FAKES": str(HERE),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *options: str, **variables: Any) -> Run:
        """Run to the end."""
        process = self.start(*options, **variables)
        try:
            output, _ = process.communicate(timeout=180)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            pytest.fail(f"the run didn't end:\n{output[-4000:]}")
        print(output)  # shown where a test fails
        return Run(process.returncode, output)

    def loaded(self, host: str) -> str:
        """The version in the host's kernel."""
        return (self.tree(host) / "sys/module/nvidia/version").read_text().strip()


@pytest.fixture
def site(product: Path, tmp_path: Path) -> Site:
    """An inventory without hosts."""
    return Site(product, tmp_path)


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server whose nodes are kwok's."""
    found, kwok = find_binaries(), find_kwok()
    for reason in (found, kwok):
        if isinstance(reason, str):
            pytest.skip("needs a kube-apiserver, etcd and kwok: %s" % reason)
    made = ControlPlane(tmp_path_factory.mktemp("gpu-hosts"), *found)
    try:
        made.start()
        made.start_controllers(kwok, "disruption-controller", STAGES)
        made.add_nodes(NODES)
        yield made
    finally:
        made.stop()


@pytest.fixture
def clustered(site: Site, plane: ControlPlane) -> Site:
    """The same with a cluster, whose nodes hosts can be."""
    site.cluster = {"platform_cluster": "here", "platform_kubeconfig": str(plane.kubeconfig)}
    return site
