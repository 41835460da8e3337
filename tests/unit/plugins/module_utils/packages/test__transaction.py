# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A transaction brings all packages to what is asked, or leaves the host as it was."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import (
    _going_back,
    _record,
    _transaction,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Change,
    PackageError,
    Request,
    Wanted,
)
from driver_packages_case import BAD, CUDA, DKMS, NAMES, NEW, OLD, PREFERENCES, SMI, debian, job, wish
from fake_debian import DEB, KERNEL


@pytest.fixture
def host(tmp_path):
    return debian(tmp_path)


def installed(host, version=OLD):
    for name in NAMES:
        host.has(name, version)
        (host.archives / f"{name}_{version}_amd64.deb").write_bytes(DEB)
    host._configure([DKMS])
    return host


def refused(function, *arguments):
    with pytest.raises(PackageError) as caught:
        function(*arguments)
    return caught.value


def snapshot(host):
    files = {path for path in host.root.rglob("*") if path.is_file() and not path.is_relative_to(host.root / "state")}
    kept = {path.relative_to(host.root) for path in files if "var/log" not in str(path)}
    return (
        dict(host.installed),
        dict(host.status),
        set(host.held),
        {path for path in kept if "usr/src" not in str(path)},
    )


def test_a_first_installation(host):
    result = _transaction.present(job(host, wish("580.*")))
    assert result["changed"]
    assert result["before"] == [{"name": name, "version": ""} for name in sorted(NAMES)]
    assert {name: host.installed[name] for name in NAMES} == dict.fromkeys(NAMES, NEW)
    assert host.held == set(NAMES)
    assert "Pin: version 580.*" in (host.root / PREFERENCES).read_text()
    assert len(host.ran("apt-get", "install")) == 2, "one download, one transaction"


def test_a_rerun_changes_nothing(host):
    _transaction.present(job(host, wish("580.*")))
    record = (host.root / "state/driver.json").read_text()
    before = snapshot(host)
    host.calls.clear()
    result = _transaction.present(job(host, wish("580.*")))
    assert (result["changed"], result["changes"], result["settings"]) == (False, [], [])
    assert snapshot(host) == before
    assert (host.root / "state/driver.json").read_text() == record
    assert not host.ran("install")
    assert not host.ran("hold")


def test_check_mode_writes_nothing(host):
    before = snapshot(installed(host))
    result = _transaction.present(job(host, wish("580.*"), check=True))
    assert result["changed"]
    assert {"name": SMI, "from": OLD, "to": NEW} in result["changes"]
    assert f"hold {SMI}" in result["settings"]
    assert snapshot(host) == before
    assert not (host.root / "state/driver.json").exists()


def test_a_build_that_fails_in_the_transaction_brings_everything_back(host):
    installed(host).held = {SMI}
    before = snapshot(host)
    error = refused(_transaction.present, job(host, wish("590.*")))
    assert "nvidia 590.3 does not build for kernel " + KERNEL in error.message
    assert "The host is back at the versions before." in error.message
    assert error.result["compiler_error"] == "nv.c:7:1: error: too few arguments"
    assert error.result["rolled_back"]
    assert not error.result["changed"]
    (build,) = error.result["builds"]
    assert "too few arguments" in (host.root / build["log"].lstrip("/")).read_text()
    assert snapshot(host) == before
    assert json.loads((host.root / "state/driver.json").read_text())["outcome"] == "rolled_back"


def test_a_first_installation_that_fails_leaves_no_package(host):
    before = snapshot(host)
    assert refused(_transaction.present, job(host, wish("590.*"))).result["rolled_back"]
    assert snapshot(host) == before


def test_a_way_back_that_apt_refuses_is_gone_by_dpkg(host):
    before = snapshot(installed(host))
    real = host.family()

    class Reluctant:
        """apt breaks down once the transaction has failed."""

        def __getattr__(self, name):
            return getattr(real, name)

        def restore(self, changes, state):
            host.broken_apt = True
            return real.restore(changes, state)

    failing = job(host, wish("590.*"))
    failing.family = Reluctant()
    assert refused(_transaction.present, failing).result["rolled_back"]
    assert host.ran("dpkg", "--unpack")
    assert snapshot(host)[:3] == before[:3]


def test_what_can_not_be_brought_back_is_said(host):
    installed(host)
    host.repository[SMI] = [NEW, BAD]
    (host.archives / f"{SMI}_{OLD}_amd64.deb").unlink()
    error = refused(_transaction.present, job(host, wish("590.*")))
    assert error.result["irreversible"] == [f"{SMI}={OLD}"]
    assert not error.result["rolled_back"]
    assert error.result["changed"]
    assert f"{SMI} is {BAD}, was {OLD}" in error.message


def test_a_package_that_would_have_to_go_stops_it(host):
    installed(host)
    host.has("slurm-gpu", "1")
    host.needs = {"slurm-gpu": [SMI]}
    before = snapshot(host)
    request = Request(install=(Wanted(DKMS, "580.*"),), remove=(SMI,))
    error = refused(_transaction.present, job(host, request))
    assert error.message.splitlines() == [
        "This transaction is refused; nothing was changed.",
        "- slurm-gpu 1 (removed): not part of the driver, and would be removed",
    ]
    assert snapshot(host) == before


def test_what_can_not_be_had_is_said_with_what_could(host):
    error = refused(_transaction.present, job(host, wish("570.*")))
    assert f"- {SMI}: no version 570.*; there is {BAD}, {NEW}, {OLD}" in error.message
    assert "Repositories looked at: http://mirror/debian trixie/main" in error.message


def test_a_failed_earlier_build_is_taken_out_and_the_transaction_goes_on(host):
    installed(host, BAD).status[DKMS] = "half-configured"
    result = _transaction.present(job(host, wish("580.*", allow_downgrade=True)))
    assert result["repaired"] == [f"{DKMS} was half-configured: removed", "nvidia/590.3 without its source: forgotten"]
    assert {host.status[name] for name in NAMES} == {"installed"}
    assert {host.installed[name] for name in NAMES} == {NEW}
    assert not host.ran("dpkg", "--configure"), "it would fail again, after minutes"


def test_an_interrupted_run_is_finished(host):
    installed(host)
    host.status.update({SMI: "unpacked", CUDA: "unpacked"})
    result = _transaction.present(job(host, wish("550.*")))
    assert result["repaired"] == [f"{CUDA} was unpacked: configured", f"{SMI} was unpacked: configured"]
    assert host.status[SMI] == "installed"


def test_what_another_package_manager_is_about_to_finish_is_not_called_broken(host):
    """As the run that was killed while its apt went on."""
    installed(host).status[SMI] = "unpacked"
    real = host.family()

    class Waits:
        def __getattr__(self, name):
            return getattr(real, name)

        def wait(self):
            host.status[SMI] = "installed"

    host.held = set(NAMES)
    waiting = job(host, Request(hold=NAMES))
    waiting.family = Waits()
    assert not _transaction.present(waiting)["changed"]


def test_check_mode_says_what_it_would_repair(host):
    installed(host).status[SMI] = "unpacked"
    result = _transaction.present(job(host, wish("550.*"), check=True))
    assert result["repaired"] == [f"{SMI} {OLD} (unpacked) would be repaired first"]
    assert host.status[SMI] == "unpacked"


def test_somebody_elses_broken_package_that_stays_broken_stops_it(host):
    installed(host).has("grub", "1", "half-configured")
    host.bad.add(("grub", "1"))
    error = refused(_transaction.present, job(host, wish("580.*")))
    assert "could not be repaired: grub 1 (half-configured)" in error.message
    assert host.installed[SMI] == OLD


def test_a_module_without_its_file_is_built_again(host):
    installed(host)
    _transaction.present(job(host, wish("550.*")))
    (host.root / f"lib/modules/{KERNEL}/updates/dkms/nvidia.ko").unlink()
    seen = _transaction.present(job(host, wish("550.*"), check=True))
    assert seen["rebuild"] == [f"nvidia/550.1 for {KERNEL}"]
    assert _transaction.present(job(host, wish("550.*")))["changed"]
    assert not _transaction.present(job(host, wish("550.*")))["changed"]


def test_holds_follow_what_is_wanted_and_take_all_of_its_version(host):
    installed(host).held = {"libnvidia-old", "kubelet"}
    host.has("libnvidia-old", "1")
    host.has("kubelet", "1")
    host.has("libnvidia-ml1", OLD)
    host.has("nvidia-container-toolkit", OLD)
    _transaction.present(job(host, Request(install=(Wanted(SMI, "550.*"),), hold=(SMI,))))
    assert host.held == {*NAMES, "libnvidia-ml1", "kubelet"}


def test_apt_that_says_yes_without_doing_it_is_not_believed(host):
    installed(host).lies = True
    error = refused(_transaction.present, job(host, wish("580.*")))
    assert f"The packages are not as planned: {CUDA} is {OLD}, planned was {NEW}" in error.message
    assert error.result["rolled_back"]


def test_what_comes_as_a_dependency_is_marked_as_one(host):
    host.repository["firmware-nvidia-gsp"] = [NEW]
    host.brings = {DKMS: {"firmware-nvidia-gsp": NEW}}
    _transaction.present(job(host, wish("580.*")))
    assert host.automatic == {"firmware-nvidia-gsp"}


def test_a_held_dependency_moves_along(host):
    installed(host)
    host.has("libnvidia-ml1", OLD)
    host.repository["libnvidia-ml1"] = [OLD, NEW]
    host.brings = {SMI: {"libnvidia-ml1": NEW}}
    host.held = {*NAMES, "libnvidia-ml1", "kubelet"}
    host.has("kubelet", "1")
    _transaction.present(job(host, wish("580.*")))
    assert host.installed["libnvidia-ml1"] == NEW
    assert host.held == {*NAMES, "libnvidia-ml1", "kubelet"}


def test_headers_that_would_bring_a_kernel_are_left_out_with_a_note(host):
    installed(host)
    (host.root / f"lib/modules/{KERNEL}/kernel").mkdir()
    running, meta = f"linux-headers-{KERNEL}", "linux-headers-amd64"
    host.repository.update({running: ["6.12.117-1"], meta: ["6.12.130-1"]})
    host.brings = {meta: {"linux-image-6.12.130+deb13-amd64": "6.12.130-1"}}
    result = _transaction.present(job(host, wish("580.*", headers=(running, meta))))
    (note,) = result["notes"]
    assert note.startswith(
        "left out, as a driver's change must not bring a kernel (linux-image-6.12.130+deb13-amd64): " + meta
    )
    assert running in host.installed
    assert not {meta, "linux-image-6.12.130+deb13-amd64"} & set(host.installed)
    assert not _transaction.present(job(host, wish("580.*", headers=(running, meta))))["changed"]


def test_headers_of_kernels_to_come_are_taken_where_they_bring_none(host):
    installed(host)
    (host.root / f"lib/modules/{KERNEL}/kernel").mkdir()
    host.repository["linux-headers-amd64"] = ["6.12.117-1"]
    result = _transaction.present(job(host, wish("580.*", headers=("linux-headers-amd64",))))
    assert result["notes"] == []
    assert "linux-headers-amd64" in host.installed


def test_a_repository_that_does_not_answer_is_a_note(host):
    host.dead_repository = True
    (host.root / "var/lib/apt/lists/x_Packages").unlink()
    result = _transaction.present(job(host, wish("580.*")))
    assert "could not all be fetched: E: Failed to fetch" in result["notes"][0]
    assert host.installed[SMI] == NEW


def test_preparing_downloads_and_touches_no_package(host):
    before = snapshot(installed(host))
    result = _transaction.prepared(job(host, wish("580.*")))
    assert not result["changed"]
    assert (host.archives / f"{SMI}_{NEW}_amd64.deb").exists()
    assert snapshot(host) == before


def test_preparing_leaves_a_broken_host_to_the_drained_node(host):
    installed(host).status[DKMS] = "half-configured"
    _transaction.prepared(job(host, wish("580.*")))
    assert host.status[DKMS] == "half-configured"


def cut_off(host):
    """A transaction to NEW that ended in the middle: one package moved, one unpacked, one not yet."""
    installed(host)
    changes = [Change(name, OLD, NEW) for name in NAMES]
    _record.write(
        str(host.root / "state"), _record.RUNNING, changes, {"held": [SMI]}, {"previous": {"version": "550.1"}}
    )
    host.has(CUDA, NEW)
    host.has(SMI, NEW, "unpacked")
    return host


def test_a_transaction_that_was_cut_off_is_finished_and_its_beginning_remembered(host):
    _transaction.present(job(cut_off(host), wish("580.*")))
    assert {host.installed[name] for name in NAMES} == {NEW}
    record = json.loads((host.root / "state/driver.json").read_text())
    assert (record["outcome"], record["settings"]["held"]) == ("done", [SMI])
    assert {item["name"]: item["from"] for item in record["changes"]} == dict.fromkeys(NAMES, OLD)
    _going_back.rolled_back(job(host, Request()))
    assert {host.installed[name] for name in NAMES} == {OLD}


def test_finishing_that_fails_goes_back_to_where_the_first_began(host):
    host.repository[DKMS].append("580.9-1")
    host.bad.add((DKMS, "580.9-1"))
    error = refused(_transaction.present, job(cut_off(host), wish("580.*")))
    assert error.result["rolled_back"]
    assert {host.installed[name] for name in NAMES} == {OLD}
    assert host.held == {SMI}


def test_one_that_was_cut_off_at_its_very_end_is_done(host):
    cut_off(host)
    for name in NAMES:
        host.has(name, NEW)
    host._configure(list(NAMES))
    _transaction.present(job(host, wish("580.*")))
    assert json.loads((host.root / "state/driver.json").read_text())["outcome"] == "done"
    assert not _transaction.present(job(host, wish("580.*")))["changed"]


def test_what_dkms_keeps_of_a_source_that_is_gone_is_forgotten(host):
    installed(host)
    _transaction.present(job(host, wish("550.*")))
    host.put("var/lib/dkms/nvidia/535.1/build/make.log")
    (host.root / "var/lib/dkms/nvidia/kernel-6.1-x86_64").symlink_to("535.1/6.1/x86_64")
    seen = _transaction.present(job(host, wish("550.*"), check=True))
    assert seen["repaired"] == ["nvidia/535.1 would be repaired first"]
    result = _transaction.present(job(host, wish("550.*")))
    assert (result["repaired"], result["changed"]) == (["nvidia/535.1 without its source: forgotten"], True)
    kept = sorted(path.name for path in (host.root / "var/lib/dkms/nvidia").iterdir())
    assert kept == ["550.1", f"kernel-{KERNEL}-x86_64"]
    assert not _transaction.present(job(host, wish("550.*")))["changed"]


def test_going_back_and_back_again(host):
    installed(host)
    _transaction.present(job(host, wish("550.*")))
    before = snapshot(host)
    _transaction.present(job(host, wish("580.*")))
    host.repository = {}
    result = _going_back.rolled_back(job(host, Request()))
    assert result["rolled_back"]
    assert {"name": SMI, "from": NEW, "to": OLD} in result["changes"]
    assert snapshot(host)[:3] == before[:3]
    assert "550" in (host.root / PREFERENCES).read_text()
    assert not _going_back.rolled_back(job(host, Request()))["changed"]


def test_a_download_that_was_cut_off_is_made_again(host):
    installed(host)
    cut = host.archives / f"{SMI}_{OLD}_amd64.deb"
    cut.write_bytes(DEB[:-5])
    _transaction.prepared(job(host, wish("580.*")))
    assert cut.read_bytes() == DEB
    cut.write_bytes(DEB[:-5])
    host.repository[SMI] = [NEW]
    assert _transaction.prepared(job(host, wish("580.*")))["irreversible"] == [f"{SMI}={OLD}"]


def test_going_back_is_refused_before_anything_is_touched_where_a_version_is_gone(host):
    installed(host)
    _transaction.present(job(host, wish("580.*")))
    host.repository = {}
    (host.archives / f"{SMI}_{OLD}_amd64.deb").unlink()
    before = snapshot(host)
    error = refused(_going_back.rolled_back, job(host, Request()))
    assert f"{SMI}={OLD} can't be had any more" in error.message
    assert not error.result["changed"]
    assert snapshot(host) == before


def test_going_back_to_versions_that_are_given(host):
    installed(host, NEW)
    result = _going_back.rolled_back(job(host, Request(), check=True), [Wanted(SMI, OLD), Wanted(CUDA, NEW)])
    assert result["changes"] == [{"name": SMI, "from": NEW, "to": OLD}]
    assert host.installed[SMI] == NEW


def test_without_a_record_there_is_nothing_to_go_back_to(host):
    assert "driver.json is missing" in refused(_going_back.rolled_back, job(host, Request())).message


def fails(host, name, text, times=1):
    """Have a command of the host fail so often."""
    real, left = getattr(host, name), [times]

    def command(argv, cwd):
        if left[0]:
            left[0] -= 1
            return 2, text
        return real(argv, cwd)

    setattr(host, name, command)


LOCKED = "dpkg: error: dpkg frontend lock was locked by another process with pid 7\n"


def test_a_lock_that_somebody_takes_between_two_commands_is_waited_for(host):
    fails(host, "_apt_mark", LOCKED, 2)
    _transaction.present(job(host, wish("580.*")))
    assert host.held == set(NAMES)


def test_holds_that_can_not_be_set_are_said(host):
    fails(host, "_apt_mark", "E: no\n", 9)
    error = refused(_transaction.present, job(host, wish("580.*")))
    assert error.message == "The packages are as planned, but apt-mark hold failed: E: no"


def test_marks_that_can_not_be_set_are_no_reason_to_leave_a_failed_transaction_as_it_is(host):
    installed(host).automatic = {SMI}
    host.repository["firmware-nvidia-gsp"] = [BAD]
    host.brings = {DKMS: {"firmware-nvidia-gsp": BAD}}
    fails(host, "_apt_mark", "E: no\n", 9)
    error = refused(_transaction.present, job(host, wish("590.*")))
    assert "does not build" in error.message
    assert {host.installed[name] for name in NAMES} == {OLD}


def test_a_journal_that_dpkg_left_is_read_first(host):
    installed(host).held = set(NAMES)
    host.put("var/lib/dpkg/updates/0003")
    host.put("var/lib/dpkg/updates/tmp.i")
    seen = _transaction.present(job(host, Request(hold=NAMES), check=True))
    assert seen["repaired"] == ["dpkg was stopped while it worked would be repaired first"]
    real = host._dpkg

    def dpkg(argv, cwd):
        if "--set-selections" in argv:
            (host.root / "var/lib/dpkg/updates/0003").unlink()
        return real(argv, cwd)

    host._dpkg = dpkg
    result = _transaction.present(job(host, Request(hold=NAMES)))
    assert result["repaired"] == ["dpkg was stopped while it worked: its journal was read"]
    assert not _transaction.present(job(host, Request(hold=NAMES)))["changed"], "dpkg's next file doesn't count"


def test_a_full_disk_keeps_no_log_and_still_goes_back(host):
    installed(host)
    host.put("var/log", "no folder")
    error = refused(_transaction.present, job(host, wish("590.*")))
    assert error.result["compiler_error"] == "nv.c:7:1: error: too few arguments"
    assert error.result["builds"][0]["log"] == ""
    assert error.result["rolled_back"]


def test_what_can_not_be_judged_goes_back(host, monkeypatch):
    installed(host)

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_transaction._outcome, "judge", full)
    error = refused(_transaction.present, job(host, wish("580.*")))
    assert "can't be judged: [Errno 28] No space left on device. The host is back" in error.message
    assert {host.installed[name] for name in NAMES} == {OLD}


def test_settings_that_can_not_be_written_keep_no_package_from_going_back(host, monkeypatch):
    installed(host)
    real, written = _transaction._record._files.put, []

    def put(path, text, *arguments, **options):
        if path.endswith(".pref"):
            written.append(path)
            if len(written) > 1:
                raise OSError(28, "No space left on device")
        return real(path, text, *arguments, **options)

    monkeypatch.setattr(_transaction._record._files, "put", put)
    error = refused(_transaction.present, job(host, wish("590.*")))
    assert f"/{PREFERENCES} can't be written (No space left on device)" in error.message
    assert {host.installed[name] for name in NAMES} == {OLD}


def test_while_something_remains_the_transaction_has_not_ended(host):
    installed(host)
    real = host.family()

    class Locked:
        def __getattr__(self, name):
            return getattr(real, name)

        def restore(self, changes, state):
            raise PackageError("Waited 300 s for another package manager.")

    failing = job(host, wish("590.*"))
    failing.family = Locked()
    error = refused(_transaction.present, failing)
    assert "Going back did not succeed wholly: Waited 300 s" in error.message
    assert _record.cut_off(str(host.root / "state"))
    _transaction.present(job(host, wish("580.*", allow_downgrade=True)))
    _going_back.rolled_back(job(host, Request()))
    assert {host.installed[name] for name in NAMES} == {OLD}


def test_a_clock_that_is_set_back_hides_no_failed_build(host):
    installed(host)
    host.put("var/lib/dkms/nvidia/590.3/build/make.log", "DKMS make.log of a build before")
    host.put("usr/src/nvidia-590.3/dkms.conf")
    real = host._build

    def build(name, *, bad):
        real(name, bad=bad)
        for log in host.root.glob("var/lib/dkms/*/*/build/make.log"):
            os.utime(log, (1000, 1000))

    host._build = build
    error = refused(_transaction.present, job(host, wish("590.*")))
    assert error.result["compiler_error"] == "nv.c:7:1: error: too few arguments"


def test_one_that_was_cut_off_and_is_no_longer_wanted_is_over(host):
    installed(host)
    changes = [Change(name, OLD, NEW) for name in NAMES]
    _record.write(str(host.root / "state"), _record.RUNNING, changes, {}, {"previous": {"version": "550.1"}})
    _transaction.present(job(host, wish("550.*")))
    assert _record.cut_off(str(host.root / "state")) is None
    assert _record.load(str(host.root / "state")).outcome == "rolled_back"


def test_what_is_installed_is_held_though_a_module_does_not_build(host):
    installed(host)
    _transaction.present(job(host, wish("550.*")))
    (host.root / f"lib/modules/{KERNEL}/updates/dkms/nvidia.ko").unlink()
    host.bad.add((DKMS, OLD))
    host.held = set()
    assert "only the build lacks" in refused(_transaction.present, job(host, wish("550.*"))).message
    assert host.held == set(NAMES)


def test_going_back_waits_for_what_another_package_manager_still_moves(host):
    """As the apt of the run that was killed."""
    installed(host)
    _transaction.present(job(host, wish("550.*")))
    changes = [Change(name, OLD, NEW) for name in NAMES]
    _record.write(str(host.root / "state"), _record.RUNNING, changes, {}, {})
    host.has(CUDA, NEW)
    real = host.family()

    class Waits:
        def __getattr__(self, name):
            return getattr(real, name)

        def wait(self):
            host.has(SMI, NEW)

    waiting = job(host, Request())
    waiting.family = Waits()
    _going_back.rolled_back(waiting)
    assert {host.installed[name] for name in NAMES} == {OLD}
