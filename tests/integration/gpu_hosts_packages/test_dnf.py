# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The choices that the package table has for RHEL and its kin, installed by dnf and rpm; streams and version locks."""

from __future__ import annotations

import pytest
from driver_case import SYSTEMS, facts, plan
from integration.gpu_hosts_packages import rpms
from integration.gpu_hosts_packages.catalogue import el_base, el_vendor
from integration.gpu_hosts_packages.roots import Root

MIRROR = {"mirror": "file:///repositories"}
HGX = {"generation": "hopper", "nvswitches": [{"address": "0000:07:00.0", "device": "22a3", "driver": ""}]}
OS_RELEASE = {"rocky9": ("rocky", "9.6"), "rocky10": ("rocky", "10.0")}
BRANCHES = ("570", "580", "595")


@pytest.fixture(scope="session")
def rpm_repositories(tools_image, tmp_path_factory):
    """NVIDIA's for EL 9 with streams, for EL 10 without, and the distribution's for each."""
    place, folder = tmp_path_factory.mktemp("rpm-repositories"), tmp_path_factory.mktemp("builder")
    builder = Root(tools_image, folder / "host", place)
    for release in (9, 10):
        packages = el_vendor(release)
        streams = rpms.branch_streams(packages, BRANCHES) if release == 9 else []
        rpms.repository(builder, f"/repositories/rhel{release}/x86_64", packages, streams)
        rpms.repository(builder, f"/repositories/base{release}", el_base(SYSTEMS[f"rocky{release}"][2]))
    return place


@pytest.fixture
def dnf_host(tools_image, rpm_repositories, tmp_path):
    """Make a host of a system with nothing installed that rpm knows of."""

    def make(system: str) -> Root:
        root = Root(tools_image, tmp_path / system, rpm_repositories)
        identity, version = OS_RELEASE[system]
        major = version.partition(".")[0]
        root.write("etc/os-release", f'ID={identity}\nVERSION_ID="{version}"\nPLATFORM_ID="platform:el{major}"\n')
        root.write("etc/rpm/macros", "%_dbpath /var/lib/rpm\n")
        # What apt brought dnf with isn't there for dnf, and a host of this kind has no apt.
        root.run("rm", "/usr/bin/apt-get")
        plugins = "/usr/lib/python3/dist-packages/dnf-plugins"
        settings = f"gpgcheck=0\nmodule_platform_id=platform:el{major}\nplugins=1\npluginpath={plugins}\n"
        root.write("etc/dnf/vars/releasever", f"{major}\n")
        root.write("etc/dnf/dnf.conf", f"[main]\n{settings}")
        repositories = {
            "nvidia": f"file:///repositories/rhel{major}/x86_64/",
            "epel": f"file:///repositories/base{major}",
            "crb": f"file:///repositories/base{major}",
        }
        text = "".join(f"[{name}]\nname={name}\nbaseurl={uri}\ngpgcheck=0\n" for name, uri in repositories.items())
        root.write("etc/yum.repos.d/test.repo", text)
        return root

    return make


def versions(root):
    """Installed packages with their versions, without epoch and release."""
    rows = (line.split() for line in root.run("rpm", "-qa", "--qf", "%{NAME} %{VERSION}\n").splitlines())
    return dict(rows)


def upstream(installed):
    """The driver's version of all that must have it."""
    return {version for name, version in installed.items() if "nvidia" in name or name == "cuda-drivers"}


def planned(system, hardware=None, **wish):
    made = plan(facts(system, **(hardware or {})), **MIRROR, **wish)
    assert made["blocked"] == []
    return made


def installs(root, made):
    answer = root.packages(made, allow_downgrade=True)
    assert "failed" not in answer, answer["failed"]
    return versions(root)


ROWS = [
    ({"branch": "570", "flavour": "open"}, "570.195.03"),
    ({"branch": "580", "flavour": "open"}, "580.126.20"),
    ({"branch": "580", "flavour": "proprietary"}, "580.126.20"),
    ({"branch": "580", "flavour": "open", "kind": "full"}, "580.126.20"),
    ({"branch": "580", "flavour": "proprietary", "kind": "full"}, "580.126.20"),
    ({"branch": "580", "flavour": "open", "version": "580.95.05"}, "580.95.05"),
    ({"branch": "595", "flavour": "open"}, "595.91.07"),
]


@pytest.mark.parametrize("system", ["rocky9", "rocky10"])
def test_every_row_is_installed_in_one_version(dnf_host, system):
    root = dnf_host(system)
    for wish, expected in ROWS:
        assert upstream(installs(root, planned(system, **wish))) == {expected}, wish


@pytest.mark.parametrize("system", ["rocky9", "rocky10"])
def test_a_host_stays_on_its_branch_and_goes_back(dnf_host, system):
    root = dnf_host(system)
    wish = {"branch": "580", "flavour": "open"}
    before = installs(root, planned(system, HGX, version="580.95.05", **wish))
    assert {"nvidia-fabricmanager", "libnvidia-nscq"} <= set(before)
    root.run("dnf", "-q", "-y", "upgrade")
    assert versions(root) == before

    assert upstream(installs(root, planned(system, HGX, **wish))) == {"580.126.20"}
    back = root.packages(planned(system, HGX, **wish), state="rolled_back")
    assert back.get("rolled_back"), back
    assert versions(root) == before
