# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What condemns a host after its driver changed, what doesn't, and that what nobody saw is no success."""

from __future__ import annotations

from dataclasses import replace

import gpu_trees
import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _host
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload import _checks, _evidence, _smi
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._machine import Done, Host
from ansible_collections.openhands.gpu_observability.plugins.module_utils._reload._services import Unit

VERSION = "580.95.05"
A, B = "00000000:3B:00.0", "00000000:5E:00.0"
GPU = _smi.Gpu(A, "GPU-1", persistence="Enabled", mig="Disabled", mig_pending="Disabled")
REPORT = _smi.Report(VERSION, (GPU,))


@pytest.fixture
def good(tmp_path):
    """Evidence of a host with one T4 that is well."""
    facts = _host.look(str(gpu_trees.t4(tmp_path).root))
    return _evidence.Evidence(facts, REPORT, 1, "", (), "", (), {}, None)


def answers(evidence, **expected):
    return {one.name: one for one in _checks.check(evidence, _checks.Expected(**expected))}


def changed_facts(evidence, **facts):
    return replace(evidence, facts={**evidence.facts, **facts})


def test_a_good_host_passes_everything(good):
    checks = _checks.check(good, _checks.Expected(version="580", gpus=1, persistence=True, mig={}))
    assert [one.name for one in checks] == list(_checks.NAMES)
    assert [one for one in checks if not one.ok] == []


def gpu(**more):
    return lambda found: replace(found, report=replace(REPORT, gpus=(replace(GPU, **more),)))


def driver(**more):
    return lambda found: changed_facts(found, driver={**found.facts["driver"], **more})


WRONG = [
    ("versions", driver(userland="570.1"), {}, "userland 570.1"),
    ("versions", driver(loaded=""), {}, "loaded none"),
    ("versions", lambda found: found, {"version": "570"}, "wanted is 570"),
    ("versions", lambda found: found, {"version": "58"}, "wanted is 58"),
    ("next_boot", driver(on_disk_next=""), {}, "has module none"),
    ("bus", lambda found: found, {"gpus": 8}, "1 on the bus, 8 expected"),
    ("bus", lambda found: changed_facts(found, gpus=[]), {}, "0 on the bus"),
    (
        "bus",
        lambda found: changed_facts(found, gpus=[{**found.facts["gpus"][0], "responding": False}]),
        {},
        "silent: 0000:3b:00.0",
    ),
    ("bus", lambda found: changed_facts(found, gpus=[{**found.facts["gpus"][0], "driver": ""}]), {}, "(none)"),
    ("nvidia_smi", lambda found: replace(found, report=_smi.Report(error="exit status 9: no")), {}, "exit status 9"),
    ("nvidia_smi", lambda found: replace(found, report=replace(REPORT, gpus=())), {}, "0 of 1 GPUs"),
    ("nvidia_smi", lambda found: replace(found, report=replace(REPORT, driver="570.1")), {}, "driver 570.1"),
    ("inforom", lambda found: replace(found, report=replace(REPORT, corrupt=(A,))), {}, "a fault of the card"),
    ("cuda", lambda found: replace(found, cuda=0), {}, "0 devices of 1"),
    ("cuda", lambda found: replace(found, cuda_error="cuInit answers 802"), {}, "fabric not ready"),
    ("kernel_log", lambda found: replace(found, xids=(_evidence.Xid(50, A, 79),)), {"since": 10}, "Xid 79"),
    ("memory", gpu(remap_pending=True), {}, "needs a reset"),
    ("memory", gpu(remap_failed=True), {}, "must be replaced"),
    ("memory", gpu(retired_pending=True), {}, "page retirement"),
    ("memory", gpu(uncorrected=2), {}, "uncorrected"),
    ("persistence", gpu(persistence="Disabled"), {"persistence": True}, "off on"),
    (
        "options",
        lambda found: found,
        {"options": {"nvidia": {"NVreg_EnableResizableBar": 1}}},
        "nvidia has NVreg_EnableResizableBar=0, wanted is 1",
    ),
    ("mig", gpu(mig_pending="Enabled"), {}, "with the next reset"),
    ("mig", lambda found: found, {"mig": {"GPU-1": [[19, 2, [0]]]}}, "before: GPU-1: profile 19 at 2"),
    ("services", lambda found: replace(found, units=(Unit("a.service"),)), {"services": ["a.service"]}, "is inactive"),
    ("diag", lambda found: replace(found, diag=(1, "Fail")), {}, "Fail"),
]


@pytest.mark.parametrize(("name", "change", "expected", "said"), WRONG)
def test_what_is_wrong_is_found_and_alone(good, name, change, expected, said):
    found = answers(change(good), **expected)
    assert not found[name].ok
    assert found[name].seen
    assert said in found[name].detail


UNSEEN = [
    (
        "nvidia_smi",
        lambda found: replace(found, report=_smi.Report(missing=True, error="nvidia-smi is not on this host")),
    ),
    ("memory", lambda found: replace(found, report=_smi.Report(missing=True, error="nvidia-smi is not on this host"))),
    ("cuda", lambda found: replace(found, cuda=None, cuda_error="libcuda.so.1 can't be loaded")),
    ("kernel_log", lambda found: replace(found, xids=None, log_error="/dev/kmsg: Operation not permitted")),
    ("diag", lambda found: replace(found, diag=(127, "dcgmi is not on this host"))),
    ("mig", lambda found: replace(found, mig=None)),
    ("services", lambda found: found),
]


@pytest.mark.parametrize(("name", "change"), UNSEEN)
def test_what_nobody_saw_is_no_success(good, name, change):
    checks = _checks.check(change(good), _checks.Expected(mig={}, services=["a.service"]))
    found = {one.name: one for one in checks}[name]
    assert (found.ok, found.seen) == (False, False)
    assert found.detail.startswith("not seen: ")
    assert found in _checks.wrong(checks, [])
    assert found not in _checks.wrong(checks, [name])


def test_optional_excuses_only_what_was_not_seen(good):
    checks = _checks.check(replace(good, cuda=0), _checks.Expected())
    assert [one.name for one in _checks.wrong(checks, ["cuda"])] == ["cuda"]


def test_errors_of_applications_and_of_before_condemn_nothing(good):
    old, application = _evidence.Xid(5, A, 79), _evidence.Xid(50, A, 31)
    found = answers(replace(good, xids=(old, application)), since=10)["kernel_log"]
    assert found.ok
    assert "Xid 31" in found.detail


def test_with_mig_a_process_sees_one_device(good):
    report = replace(REPORT, gpus=(replace(GPU, mig="Enabled", mig_pending="Enabled"), GPU))
    assert answers(replace(good, report=report, cuda=1))["cuda"].ok


@pytest.mark.parametrize(
    ("states", "ok", "seen"),
    [
        ([("Completed", "Success")] * 8, True, True),
        ([("Completed", "Success")] * 7 + [("In Progress", "")], False, True),
        ([("Completed", "NVML_ERROR")] * 8, False, True),
        ([("", "")] * 8, False, False),
    ],
)
def test_a_fabric_must_be_complete_on_every_gpu(tmp_path, states, ok, seen):
    facts = _host.look(str(gpu_trees.hgx_h100(tmp_path).root))
    gpus = tuple(_smi.Gpu(str(number), fabric_state=one, fabric_status=two) for number, (one, two) in enumerate(states))
    found = answers(_evidence.Evidence(facts, _smi.Report(VERSION, gpus), 8, "", ()))["fabric"]
    assert (found.ok, found.seen) == (ok, seen)


def test_an_a100_does_not_tell_its_fabric_so_the_manager_does(tmp_path):
    facts = {**_host.look(str(gpu_trees.hgx_h100(tmp_path).root)), "generations": ["ampere"]}
    units = (Unit(_checks.FABRICMANAGER, "loaded", "failed"),)
    found = answers(_evidence.Evidence(facts, _smi.Report(VERSION, (GPU,)), 8, "", (), "", units))["fabric"]
    assert (found.ok, found.seen) == (False, True)


XML = f"""<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
<driver_version>{VERSION}</driver_version>
<gpu id="{A}">
<uuid>GPU-1</uuid><persistence_mode>Enabled</persistence_mode>
<mig_mode><current_mig>Disabled</current_mig><pending_mig>Enabled</pending_mig></mig_mode>
<fabric><state>Completed</state><status>Success</status></fabric>
<ecc_errors><volatile><sram_uncorrectable_parity>1</sram_uncorrectable_parity>
<sram_uncorrectable_secded>0</sram_uncorrectable_secded><dram_correctable>7</dram_correctable>
<dram_uncorrectable>2</dram_uncorrectable></volatile></ecc_errors>
<retired_pages><pending_retirement>N/A</pending_retirement></retired_pages>
<remapped_rows><remapped_row_pending>Yes</remapped_row_pending>
<remapped_row_failure>No</remapped_row_failure></remapped_rows>
</gpu>
<gpu id="{B}"><ecc_errors><volatile><double_bit><total>3</total></double_bit></volatile></ecc_errors>
<retired_pages><pending_blacklist>Yes</pending_blacklist></retired_pages><persistence_mode>N/A</persistence_mode></gpu>
</nvidia_smi_log>
"""


def test_a_report_is_read_old_or_new():
    report = _smi.read(Done(0, XML))
    first, second = report.gpus
    assert report.driver == VERSION
    assert (first.fabric_state, first.mig_pending, first.uncorrected) == ("Completed", "Enabled", 3)
    assert (first.remap_pending, first.remap_failed, first.retired_pending) == (True, False, False)
    assert (second.address, second.uncorrected, second.retired_pending, second.persistence) == (B, 3, True, "")


def test_a_corrupt_inforom_is_told_apart_from_a_failed_driver():
    report = _smi.read(Done(14, XML + f"WARNING: infoROM is corrupted at gpu {B}\n"))
    assert (report.corrupt, report.error, len(report.gpus)) == ((B,), "", 2)
    assert _smi.read(Done(14, XML)).corrupt == ("a GPU",)
    failed = _smi.read(Done(18, "Failed to initialize NVML: Driver/library version mismatch"))
    assert failed.error == "exit status 18: Failed to initialize NVML: Driver/library version mismatch"
    assert failed.corrupt == ()


@pytest.mark.parametrize("text", ["", "No devices were found", "<nvidia_smi_log><gpu></nvidia_smi_log>"])
def test_no_report_is_an_error(text):
    assert _smi.read(Done(0, text)).error


def test_the_kernel_s_log_is_read(tmp_path):
    log = tmp_path / "kmsg"
    log.write_text(
        "6,1,1000000,-;Linux version 6.12\n"
        "3,2,2500000,-;NVRM: Xid (PCI:0000:3B:00): 79, pid='<unknown>', GPU has fallen off the bus.\n"
        " SUBSYSTEM=pci\n"
        "4,3,3000000,-;somebody says NVRM: Xid (PCI:0000:3B:00): 79\n"
    )
    assert _evidence.kernel_log(str(log)) == ((_evidence.Xid(2.5, "0000:3b:00", 79),), "")
    found, why = _evidence.kernel_log(str(tmp_path / "none"))
    assert found is None
    assert "No such file" in why


def test_a_program_that_hangs_is_ended():
    done = Host().run(["sleep", "60"], timeout=0.1)
    assert done.code == 124
    assert "sleep 60 didn't end within 0.1 s" in done.said
    assert Host().run(["no-such-program"]).code == 127


def test_options_that_the_kernel_does_not_show_are_no_fault(good):
    wanted = {"nvidia": {"NVreg_EnableResizableBar": "0x0", "NVreg_NobodyKnows": 1}, "nvidia_peermem": {"x": 1}}
    found = answers(good, options=wanted)["options"]
    assert (found.ok, found.detail) == (True, "NVreg_EnableResizableBar=0")
    assert answers(good)["options"].ok
