# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else at rpm's database, and a module that is killed while dnf works."""

from __future__ import annotations

import pytest
from integration.gpu_hosts_packages import scripted
from integration.gpu_hosts_packages.test_dnf import dnf_host, rpm_repositories  # noqa: F401 - fixtures

HOLD = """cat > /hold.py <<'END'
import fcntl, os, time
os.makedirs("/var/lib/rpm", exist_ok=True)
lock = open("/var/lib/rpm/.rpm.lock", "a")
fcntl.lockf(lock, fcntl.LOCK_EX)
open("/held", "w")
time.sleep(SECONDS)
END
python3 /hold.py > /dev/null 2>&1 < /dev/null &
while [ ! -e /held ]; do sleep 0.1; done
"""


def wish():
    asked = [{"name": "nvidia-driver-cuda", "version": "580.*"}]
    return {"packages": {"install": asked, "hold": ["nvidia-driver-cuda"]}, "allow_downgrade": True}


@pytest.fixture
def host(dnf_host):  # noqa: F811 - the fixture
    return dnf_host("rocky10")


def versions(root):
    return root.run("rpm", "-qa", "--qf", "%{NAME} %{VERSION}\\n")


def test_somebody_who_has_the_database_is_waited_for_and_named(host):
    refused = scripted.ask(host, {**wish(), "lock_timeout": 1}, first=HOLD.replace("SECONDS", "20"))
    assert "Waited 1 s for another package manager. /var/lib/rpm/.rpm.lock is held by process" in refused["failed"]
    assert "hold.py" in refused["failed"]
    host.run("rm", "/held")
    answer = scripted.ask(host, wish(), first=HOLD.replace("SECONDS", "5"))
    assert answer["changed"], answer
    assert "nvidia-driver-cuda 580" in versions(host)


def test_repositories_without_the_plugin_that_locks_versions_are_said(host):
    configuration = host.read("etc/dnf/dnf.conf")
    host.write("etc/dnf/dnf.conf", configuration + "excludepkgs=python3-dnf-plugin-versionlock\n")
    refused = scripted.ask(host, wish())
    assert "python3-dnf-plugin-versionlock: no repository has it" in refused["failed"]
    assert "nvidia-driver" not in versions(host)
