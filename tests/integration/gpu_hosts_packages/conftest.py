# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with real package managers and made-up repositories."""

from __future__ import annotations

import os

import pytest
from driver_case import SYSTEMS
from gpu_hosts import image
from gpu_hosts.places import HostsError, missing
from integration.gpu_hosts_packages import debs
from integration.gpu_hosts_packages.catalogue import (
    Package,
    debian_archive,
    debian_vendor,
    ubuntu_archive,
    ubuntu_vendor,
)
from integration.gpu_hosts_packages.roots import Root

OS_RELEASE = {
    "ubuntu22": ("ubuntu", "22.04", "jammy"),
    "ubuntu24": ("ubuntu", "24.04", "noble"),
    "debian12": ("debian", "12", "bookworm"),
    "debian13": ("debian", "13", "trixie"),
}
VENDOR = {"ubuntu22": "ubuntu2204", "ubuntu24": "ubuntu2404", "debian12": "debian12", "debian13": "debian13"}
COMPONENTS = {
    True: ("main", "restricted", "multiverse"),
    False: ("main", "contrib", "non-free", "non-free-firmware"),
}
"""Of Ubuntu, and of Debian."""
APT = "Acquire::Languages none;\nAPT::Sandbox::User root;\nAPT::Architecture amd64;\nAPT::Architectures { amd64; };\n"


@pytest.fixture(scope="session")
def tools_image():
    if os.geteuid() != 0:
        pytest.skip("needs root: a host is a file system of its own")
    lacking = missing(["debootstrap", "mount"])
    if lacking:
        pytest.skip(f"needs the Debian packages {', '.join(lacking)}; molecule's scenario gpu_hosts installs them")
    try:
        return image.ensure(image.TOOLS)
    except HostsError as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def repositories(tmp_path_factory):
    """NVIDIA's repositories by its names for the systems, and the distributions' own in ``archive``."""
    place = tmp_path_factory.mktemp("repositories")
    for system, (_identity, version, codename) in OS_RELEASE.items():
        ubuntu, kernel = system.startswith("ubuntu"), SYSTEMS[system][2]
        vendor = place / VENDOR[system] / "x86_64"
        debs.flat(vendor, ubuntu_vendor() if ubuntu else debian_vendor(), "NVIDIA")
        if ubuntu:
            parts = {"restricted": ubuntu_archive(version, kernel)}
        else:
            own = "535.261.03-1" if system == "debian12" else "550.163.01-2"
            parts = {"main": debian_archive(own, kernel)}
        # apt doesn't count a component without packages as one that is there.
        parts = {name: parts.get(name, [Package(f"in-{name}", "1")]) for name in COMPONENTS[ubuntu]}
        debs.archive(place / "archive" / system, parts, "Ubuntu" if ubuntu else "Debian", codename)
    return place


@pytest.fixture
def apt_host(tools_image, repositories, tmp_path):
    """Make a host of a system, with nothing installed that dpkg knows of."""

    def make(system: str) -> Root:
        root = Root(tools_image, tmp_path / system, repositories)
        identity, version, codename = OS_RELEASE[system]
        root.write("etc/os-release", f"ID={identity}\nVERSION_ID={version}\nVERSION_CODENAME={codename}\n")
        root.write("var/lib/dpkg/status", "")
        root.write("etc/apt/apt.conf.d/90test", APT)
        own = " ".join(COMPONENTS[identity == "ubuntu"])
        vendor = f"file:/repositories/{VENDOR[system]}/x86_64/"
        root.write(
            "etc/apt/sources.list",
            f"deb [trusted=yes] file:/repositories/archive/{system} {codename} {own}\ndeb [trusted=yes] {vendor} /\n",
        )
        root.run("apt-get", "-q", "update")
        return root

    return make
