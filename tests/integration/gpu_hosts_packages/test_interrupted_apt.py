# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever ends a transaction in the middle: the next run finishes it, and the way back leads to its beginning."""

from __future__ import annotations

import pytest
from integration.gpu_hosts_packages import scripted
from integration.gpu_hosts_packages.roots import Root
from integration.gpu_hosts_packages.scripted import NAMES, NEW, NEWER, OLD, ask, packages, trap, wish

CONFIGURATION = "Acquire::Languages none;\nAPT::Sandbox::User root;\nAPT::Architectures { amd64; };\n"


@pytest.fixture(scope="session")
def scripted_repository(tmp_path_factory):
    place = tmp_path_factory.mktemp("scripted")
    scripted.repository(place / "driver")
    return place


@pytest.fixture
def host(tools_image, scripted_repository, tmp_path):
    """A host with the old version, brought there by driver_packages."""
    root = Root(tools_image, tmp_path / "host", scripted_repository)
    root.write("etc/os-release", 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n')
    root.write("var/lib/dpkg/status", "")
    root.write("etc/apt/apt.conf.d/90test", CONFIGURATION)
    root.write("etc/apt/sources.list", "deb [trusted=yes] file:/repositories/driver/ /\n")
    root.run("apt-get", "-q", "update")
    answer = ask(root, wish(OLD))
    assert answer.get("changed"), answer.get("failed")
    assert packages(root) == at(OLD)
    return root


def at(version):
    return dict.fromkeys(NAMES, f"{version} hold hi")


MOMENTS = [
    ("prerm", "libcuda1"),
    ("preinst", "libcuda1"),
    ("postrm", "libcuda1"),
    ("preinst", "nvidia-smi"),
    ("postinst", "libcuda1"),
    ("postinst", "nvidia-smi"),
]


@pytest.mark.parametrize("what", ["dpkg", "module", "power"])
@pytest.mark.parametrize(("script", "name"), MOMENTS)
def test_an_end_in_the_middle(host, script, name, what):
    trap(host, script, name, what)
    first = ask(host, wish(NEW))
    if what == "dpkg":
        assert first["rolled_back"], first
        assert packages(host) == at(OLD)
    again = ask(host, wish(NEW))
    assert "failed" not in again, again
    assert packages(host) == at(NEW)
    assert not ask(host, wish(NEW))["changed"]
    back = ask(host, {**wish(NEW), "state": "rolled_back"})
    assert back.get("rolled_back"), back
    assert packages(host) == at(OLD)


def test_a_journal_that_dpkg_left(host):
    stanza = host.run("dpkg-query", "-s", "libcuda1").rstrip()
    host.write("var/lib/dpkg/updates/0000", stanza + "\n")
    assert "dpkg was interrupted" in host.run("sh", "-c", "apt-get -y install libcuda1 2>&1", check=False)
    answer = ask(host, wish(NEW))
    assert answer.get("repaired") == ["dpkg was stopped while it worked: its journal was read"], answer
    assert packages(host) == at(NEW)


TAKE = """import fcntl, time
lock = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
time.sleep(4)
"""


@pytest.mark.parametrize(("script", "then"), [("postinst", "exit 1"), ("postinst", "exit 0")])
def test_somebody_who_waited_for_the_lock_gets_it_between_two_commands(host, script, then):
    """As unattended-upgrades does; in the middle of a way back too."""
    host.write("traps/take.py", TAKE)
    trap(host, script, "nvidia-smi", f"setsid /usr/bin/python3 /traps/take.py > /traps/said 2>&1 & {then}")
    answer = ask(host, wish(NEW))
    if then == "exit 1":
        assert answer["rolled_back"], answer
        assert packages(host) == at(OLD)
    else:
        assert "failed" not in answer, answer
        assert packages(host) == at(NEW)
    assert host.read("traps/said") == ""


def test_a_full_disk(host):
    answer = ask(host, {**wish(NEWER), "prebuild": False}, first="mount -t tmpfs -o size=12m tmpfs /opt/driver")
    assert "No space left on device" in answer["failed"]
    assert answer["rolled_back"], answer
    assert packages(host) == at(OLD)


def test_a_download_that_was_cut_short_is_made_again(host):
    for name in NAMES:
        path = f"/var/lib/openhands-gpu-observability/archives/{name}_{OLD}_amd64.deb"
        host.run("truncate", "--size=-700", path)
    assert ask(host, wish(NEW)).get("changed")
    assert packages(host) == at(NEW)
    back = ask(host, {**wish(NEW), "state": "rolled_back"})
    assert back.get("rolled_back"), back
    assert packages(host) == at(OLD)


def test_an_unusual_umask(host):
    assert ask(host, wish(NEW), first="umask 077").get("changed")
    assert packages(host) == at(NEW)
    modes = host.run("stat", "-c", "%a", "/opt/driver/libcuda1", "/var/lib/apt/extended_states", "/var/lib/dpkg/status")
    assert modes.split() == ["644", "644", "644"]


def test_two_runs_at_once(host):
    beside = f"cat > /given\n/usr/bin/python3 {scripted.SCRIPT} < /given > /beside &\nexec < /given"
    answers = [ask(host, wish(NEW), first=beside), scripted.answer(host.read("beside"))]
    assert sorted(bool(answer.get("changed")) for answer in answers) == [False, True], answers
    assert not any("failed" in answer for answer in answers), answers
    assert packages(host) == at(NEW)


def test_a_boot_folder_that_is_mounted_read_only(host):
    answer = ask(host, wish(NEW), first="mount -t tmpfs -o ro tmpfs /boot")
    assert answer["failed"].startswith("Mounted read-only, nothing was changed: /boot."), answer
    assert packages(host) == at(OLD)


def test_a_repository_that_goes_away_before_the_download(host):
    gone = "mkdir /index; cp /repositories/driver/[PR]* /index; mount --bind /index /repositories/driver"
    answer = ask(host, wish(NEW), first=gone)
    assert answer["failed"].startswith("The packages could not be downloaded"), answer
    assert packages(host) == at(OLD)
    assert ask(host, wish(NEW)).get("changed")
    assert packages(host) == at(NEW)


@pytest.mark.parametrize(("script", "name"), MOMENTS)
def test_what_somebody_else_left_half_done(host, script, name):
    trap(host, script, name, "dpkg")
    specs = " ".join(f"{package}={NEW}" for package in NAMES)
    host.run("sh", "-c", f"apt-get -q -y --allow-change-held-packages install {specs} 2>&1", check=False)
    assert packages(host) != at(OLD)
    answer = ask(host, wish(NEW))
    assert "failed" not in answer, answer
    assert packages(host) == at(NEW)
    assert not ask(host, wish(NEW))["changed"]


def test_a_script_that_always_fails_leaves_nothing_half_configured(host):
    """Not even where the way back ends at another one: what remains is said, and the next run starts from there."""
    trap(host, "postinst", "nvidia-smi", "always-fail")
    answer = ask(host, wish(NEW))
    assert not answer["rolled_back"]
    assert "Going back did not succeed wholly" in answer["failed"]
    host.run("rm", "/traps/postinst-nvidia-smi")
    assert ask(host, wish(NEW)).get("changed")
    assert packages(host) == at(NEW)
    assert ask(host, {**wish(NEW), "state": "rolled_back"}).get("rolled_back")
    assert packages(host) == at(OLD)
