# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock that the role dcgm_exporter puts on DCGM's packages, before a real dnf; apt's hold is tested by molecule."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from integration.gpu_hosts_packages import rpms
from integration.gpu_hosts_packages.catalogue import Package
from integration.gpu_hosts_packages.roots import Root
from jinja2.nativetypes import NativeEnvironment

TASKS = Path(__file__).resolve().parents[3] / "roles/dcgm_exporter/tasks/host_dnf.yml"
CORE, CUDA = "datacenter-gpu-manager-4-core", "datacenter-gpu-manager-4-cuda13"
EXPORTER = "datacenter-gpu-manager-exporter"
OLD, NEW = "1:4.5.3-1", "1:4.6.0-1"


def packages(version: str, exporter: str) -> list[Package]:
    return [
        Package(CORE, version),
        Package(CUDA, version, (f"{CORE} = {version}",)),
        Package(EXPORTER, exporter, (CORE,)),
    ]


@pytest.fixture
def host(tools_image, tmp_path):
    repositories = tmp_path / "repositories"
    repositories.mkdir()
    root = Root(tools_image, tmp_path / "host", repositories)
    root.write("etc/rpm/macros", "%_dbpath /var/lib/rpm\n")
    plugins = "pluginpath=/usr/lib/python3/dist-packages/dnf-plugins\nplugins=1\n"
    root.write("etc/dnf/dnf.conf", f"[main]\ngpgcheck=0\n{plugins}")
    root.write("etc/yum.repos.d/cuda.repo", "[cuda]\nname=cuda\nbaseurl=file:///repositories/cuda\ngpgcheck=0\n")
    rpms.repository(root, "/repositories/cuda", [*packages(OLD, "4.8.2-1"), *packages(NEW, "4.8.3-1")])
    root.run("dnf", "-q", "-y", "install", f"{CORE}-{OLD}", f"{CUDA}-{OLD}", f"{EXPORTER}-4.8.2-1")
    return root


def versions(root):
    rows = root.run("rpm", "-qa", "--qf", "%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n").splitlines()
    return dict(row.split() for row in rows)


def facts(root):
    """As ansible.builtin.package_facts has them."""
    rows = root.run("rpm", "-qa", "--qf", "%{NAME} %{EPOCH} %{VERSION} %{RELEASE}\n").splitlines()
    found = (row.split() for row in rows)
    return {
        name: [{"epoch": None if epoch == "(none)" else int(epoch), "version": version, "release": release}]
        for name, epoch, version, release in found
    }


def locks(root):
    """What the role writes into the list."""
    task = next(task for task in yaml.safe_load(TASKS.read_text()) if "__dcgm_exporter_locks" in task.get("vars", {}))
    known = {"ansible_facts": {"packages": facts(root)}, "__dcgm_exporter_packages": [CORE, CUDA, EXPORTER]}
    assert task["ansible.builtin.blockinfile"]["path"] == "/etc/dnf/plugins/versionlock.list"
    return NativeEnvironment().from_string(task["vars"]["__dcgm_exporter_locks"]).render(known)


def test_an_upgrade_of_the_host_moves_nothing_that_is_locked(host):
    before = versions(host)
    host.write("etc/dnf/plugins/versionlock.list", "\n".join(locks(host)) + "\n")
    host.run("dnf", "-q", "-y", "upgrade")
    assert versions(host) == before
    # What the role does for another release: the lock is on the one before.
    host.run("dnf", "-q", "-y", "--disableplugin=versionlock", "install", f"{CORE}-{NEW}", f"{CUDA}-{NEW}")
    assert versions(host)[CUDA] == NEW


def test_without_the_lock_it_would_have_moved(host):
    host.run("dnf", "-q", "-y", "upgrade")
    assert versions(host)[CORE] == NEW
