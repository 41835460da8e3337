# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts are after converge, and still are after an upgrade that could not be built."""

from __future__ import annotations

from pathlib import Path

import pytest

MODULES = {"nvidia", "nvidia-drm", "nvidia-modeset", "nvidia-peermem", "nvidia-uvm"}
PACKAGES = ("nvidia-kernel-dkms", "nvidia-smi", "libcuda1")


@pytest.fixture
def branch(inventory):
    return inventory["nvidia_driver_branch"]


def kernel(host):
    return host.check_output("cat /proc/sys/kernel/osrelease").strip()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_driver_has_the_version_of_its_branch(host, branch, package):
    assert host.package(package).is_installed
    assert host.package(package).version.startswith(f"{branch}.")


def test_every_package_of_the_driver_has_one_version(host, branch):
    listed = host.check_output("dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n' '*nvidia*' 'libcuda1'")
    rows = [line.split() for line in listed.splitlines() if line.endswith(("ii ", "hi "))]
    versions = {version for _package, version, _status in rows if version.startswith(f"{branch}.")}
    # nvidia-persistenced is built from a source package of its own in Debian.
    apart = {version for package, version, _status in rows if package == "nvidia-persistenced"}
    assert len(versions - apart) == 1


def test_the_modules_are_really_built_for_the_kernel_of_the_next_boot(host):
    found = host.check_output(f"find /lib/modules/{kernel(host)}/updates -name 'nvidia*.ko*' -size +1k")
    names = {Path(line).name.partition(".ko")[0].replace("nvidia-current", "nvidia") for line in found.splitlines()}
    assert names >= MODULES - {"nvidia-peermem"}


def test_the_modules_are_of_this_kernel_and_this_version(host, branch):
    said = host.check_output(f"modinfo -k {kernel(host)} nvidia-current")
    fields = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    assert fields["version"].strip().startswith(f"{branch}.")
    assert fields["vermagic"].split()[0] == kernel(host)
    assert fields["license"].strip() == "NVIDIA"


def test_dkms_says_installed(host):
    lines = host.check_output(f"dkms status -k {kernel(host)}").splitlines()
    assert lines
    assert all(line.endswith(": installed") for line in lines)


def test_the_package_manager_is_whole(host):
    assert host.check_output("dpkg --audit") == ""
    assert host.run("apt-get check").rc == 0
    simulated = host.check_output("apt-get -s -q install")
    assert "0 upgraded, 0 newly installed, 0 to remove" in simulated


def test_an_upgrade_of_the_host_does_not_move_the_driver(host):
    held = set(host.check_output("apt-mark showhold").split())
    assert set(PACKAGES) <= held
    assert "nvidia" not in "".join(
        line for line in host.check_output("apt-get -s -q dist-upgrade").splitlines() if line.startswith("Inst ")
    )


def test_the_host_was_rebooted_once_into_the_driver(host, branch):
    boots = host.check_output("cat /var/log/boots").split()
    assert len(set(boots)) == len(boots) == 2
    assert host.check_output("cat /proc/sys/kernel/random/boot_id") == boots[-1]
    assert host.check_output("cat /sys/module/nvidia/version").startswith(f"{branch}.")
    assert not host.file("/sys/module/nouveau").exists


def test_nouveau_stays_away(host):
    assert host.file("/etc/modprobe.d/openhands-nvidia.conf").contains("blacklist nouveau")
    picture = host.file(f"/boot/initrd.img-{kernel(host)}")
    assert picture.mtime >= host.file("/etc/modprobe.d/openhands-nvidia.conf").mtime


def test_the_persistence_daemon_starts_with_the_host(host):
    assert host.service("nvidia-persistenced").is_enabled
    assert host.service("nvidia-persistenced").is_running
    assert "--persistence-mode" in host.check_output("systemctl show -P ExecStart nvidia-persistenced")
