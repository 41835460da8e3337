# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can't be: each wish beside one that can, and all reasons at once."""

from __future__ import annotations

import inspect
import re

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import gpu_checks, source_checks
from driver_case import built_module, codes, driven, facts, plan

KERNEL = facts()["kernel"]["running"]
# the host, the wish, the code, what cures it
CASES = [
    (facts("sles15"), {}, "os", (facts("ubuntu24"), {})),
    (facts(architecture="ppc64le"), {}, "architecture", (facts(), {})),
    (facts(vgpu_guest=True), {}, "vgpu", (facts(), {})),
    (facts(driver={"containerised": True}), {}, "containerised", (facts(), {})),
    (facts(found_gpus=7), {"expected_gpus": 8}, "gpu_count", (facts(found_gpus=8), {"expected_gpus": 8})),
    (facts(found_gpus=0, expected_gpus=8), {}, "gpu_count", (facts(found_gpus=8, expected_gpus=8), {})),
    (facts(generation=("volta", "blackwell")), {}, "generations", (facts(generation=("volta", "ampere")), {})),
    (facts(generation=("pascal", "hopper"), coherent=True), {}, "generations", (facts(generation="pascal"), {})),
    (facts(generation="volta"), {"flavour": "open"}, "open_too_old", (facts(generation="volta"), {})),
    (
        facts(generation="blackwell"),
        {"flavour": "proprietary"},
        "proprietary_too_new",
        (facts(generation="blackwell"), {}),
    ),
    (facts(generation="hopper", coherent=True), {"flavour": "proprietary"}, "proprietary_too_new", (facts(), {})),
    (facts(), {"flavour": "proprietary", "branch": "620"}, "branch_flavour", (facts(), {"branch": "620"})),
    (facts(), {"branch": "latest"}, "branch", (facts(), {"branch": "580"})),
    (facts(), {"branch": "588"}, "branch", (facts(), {"branch": "590"})),
    (facts(generation="volta"), {"branch": "590"}, "branch_gpu", (facts(generation="volta"), {"branch": "580"})),
    (
        facts(generation="blackwell"),
        {"branch": "565"},
        "branch_gpu",
        (facts(generation="blackwell"), {"branch": "570"}),
    ),
    (facts(generation="kepler"), {}, "branch_gpu", (facts(generation="maxwell"), {})),
    (facts(), {"version": "570.195.03"}, "version", (facts(), {"version": "570.195.03", "branch": "570"})),
    (facts(), {"version": "5800.1"}, "version", (facts(), {"version": "580.1"})),
    (facts(), {"branch": "535"}, "branch_os", (facts("ubuntu22"), {"branch": "535"})),
    (facts("debian13"), {"branch": "570"}, "branch_os", (facts("debian12"), {"branch": "570"})),
    (facts("debian13"), {"source": "archive"}, "branch_os", (facts("ubuntu24"), {"source": "archive"})),
    (facts(), {"source": "archive", "branch": "550"}, "branch_os", (facts(), {"source": "archive", "branch": "580"})),
    (facts("rhel9"), {"source": "archive"}, "archive", (facts("rhel9"), {})),
    (
        facts(),
        {"source": "archive", "mirror": "https://m.example.com"},
        "mixed_sources",
        (facts(), {"source": "archive"}),
    ),
    (
        facts("debian13"),
        {"source": "archive", "branch": "535", "flavour": "open"},
        "archive_flavour",
        (facts("debian13"), {"source": "archive", "branch": "535"}),
    ),
    (facts(generation="blackwell", coherent=True), {"branch": "545"}, "branch_fabric", (facts(), {})),
    (facts(secure_boot="enabled"), {}, "secure_boot", (facts(secure_boot="enabled"), {"machine_owner_key": True})),
    (facts(signatures_enforced=True), {}, "secure_boot", (facts(secure_boot="enabled"), {"source": "archive"})),
    (
        facts(secure_boot="enabled", architecture="aarch64"),
        {"source": "archive"},
        "secure_boot",
        (facts(secure_boot="enabled"), {"source": "archive"}),
    ),
    (
        facts("debian13"),
        {"source": "archive", "branch": "550", "flavour": "open"},
        "known_bad",
        (facts("debian13", kernel="6.12.94+deb13-amd64"), {"source": "archive", "branch": "550", "flavour": "open"}),
    ),
]
IDS = [f"{code}-{number}" for number, (_host, _wish, code, _cure) in enumerate(CASES)]


@pytest.mark.parametrize(("host", "wish", "code", "cure"), CASES, ids=IDS)
def test_what_cannot_be_is_refused_with_a_way_out(host, wish, code, cure):
    planned = plan(host, **wish)
    assert code in codes(planned)
    for reason in planned["blocked"]:
        assert reason["reason"]
        assert reason["fix"]
    assert planned["action"] == "none"
    assert planned["packages"]["install"] == []
    assert planned["packages"]["remove"] == []
    assert planned["repository"] is None
    assert [planned[key] for key in ("drain", "reboot", "reload", "pending")] == [False, False, False, ""]
    assert codes(plan(cure[0], **cure[1])) == []


def test_every_refusal_has_a_case():
    named = set(re.findall(r'Refusal\(\s*"(\w+)"', inspect.getsource(gpu_checks) + inspect.getsource(source_checks)))
    elsewhere = {"headers", "archive_fabric", "module_options"}  # test_kernels, test_lockstep, test_adjustments
    assert named - elsewhere == {code for _host, _wish, code, _cure in CASES}


def test_all_reasons_are_told_at_once():
    host = facts("rhel9", generation=("volta", "blackwell"), secure_boot="enabled", vgpu_guest=True, found_gpus=2)
    planned = plan(host, source="archive", branch="590", version="580.1", expected_gpus=8)
    assert codes(planned) == ["vgpu", "gpu_count", "generations", "branch_gpu", "version", "archive"]


def test_secure_boot_names_the_ways_out_that_there_are():
    ubuntu = plan(facts(secure_boot="enabled"))["blocked"][0]["fix"]
    assert "nvidia_driver_source to archive" in ubuntu
    assert "nvidia_driver_machine_owner_key" in ubuntu
    on = {"secure_boot": "enabled"}
    for host, wish in (
        (facts("debian13", **on), {}),
        (facts(architecture="aarch64", **on), {}),
        (facts(**on), {"branch": "610"}),
        (facts(kernel="6.9.3-custom", **on), {}),
        (facts(generation="blackwell", nvlink5=True, **on), {}),
    ):
        fix = plan(host, **wish)["blocked"][0]["fix"]
        assert "archive" not in fix
        assert fix.startswith("enrol")


def test_a_key_that_works_already_is_believed():
    host = driven("580.95.05", secure_boot="enabled")
    planned = plan(host, version="580.126.09")
    assert codes(planned) == []
    assert any("Secure Boot is on" in note for note in planned["notes"])
    other = {**host, "dkms": [built_module("570.1", KERNEL)]}
    assert codes(plan(other)) == ["secure_boot"]


def test_what_the_tables_only_suppose_can_be_accepted():
    wish = {"source": "archive", "branch": "550", "flavour": "open"}
    planned = plan(facts("debian13"), accept=["known_bad"], **wish)
    assert codes(planned) == []
    assert planned["action"] == "install"
    assert any(note.startswith("accepted: Debian's nvidia-open-kernel-dkms 550") for note in planned["notes"])
    assert codes(plan(facts(generation="volta"), flavour="open", accept=["open_too_old"])) == ["open_too_old"]


@pytest.mark.parametrize(
    ("fact", "says"), [("passthrough", "a GPU is bound to vfio-pci"), ("vgpu_host", "NVIDIA's vGPU manager runs here")]
)
def test_a_host_that_gives_its_gpus_to_guests_is_left_alone_whatever_is_wished(fact, says):
    planned = plan(facts("sles15", **{fact: True}), flavour="open", branch="1")
    assert planned["blocked"] == []
    assert planned["skipped"].startswith(says)
    assert planned["action"] == "none"
    assert planned["packages"]["install"] == []
    assert planned["services"] == []


def test_a_host_without_gpus_is_left_alone_unless_it_should_have_some():
    assert plan(facts(found_gpus=0))["skipped"] == "no NVIDIA GPU on the PCI bus"
    assert codes(plan(facts(found_gpus=0), expected_gpus=4)) == ["gpu_count"]


@pytest.mark.parametrize(
    ("generations", "branch", "expected"),
    [
        ("kepler", "535", "proprietary"),
        ("volta", "580", "proprietary"),
        ("turing", "580", "open"),
        ("turing", "550", "proprietary"),
        ("hopper", "560", "open"),
        ("blackwell", "570", "open"),
        (("volta", "ampere"), "580", "proprietary"),
        (("ampere", "blackwell"), "580", "open"),
        ("unknown", "595", "open"),
    ],
)
def test_the_flavour_goes_by_the_gpus_then_by_the_branch(generations, branch, expected):
    assert plan(facts("ubuntu24", generations), branch=branch)["wanted"]["flavour"] == expected


def test_grace_hopper_takes_open_modules_in_a_branch_whose_default_is_the_other():
    assert plan(facts(generation="hopper", coherent=True), branch="550")["wanted"]["flavour"] == "open"
    assert plan(facts(generation="hopper"), branch="550")["wanted"]["flavour"] == "proprietary"


def test_what_a_person_should_know_is_noted():
    assert plan(facts("ubuntu22"), branch="535", today="2026-11-23")["notes"] == [
        "branch 535 is no longer kept: its support ended in 2026-06"
    ]
    assert plan(facts("ubuntu22"), branch="535", today="2026-06-30")["notes"] == []
    assert plan(facts(), branch="700")["notes"] == ["branch 700 is newer than what is known here"]
    assert "a GPU is of a generation" in plan(facts(generation="unknown"))["notes"][0]
    debian = driven(
        "550.163.01", "proprietary", system="debian13", dkms=[built_module("550.163.01", "k", module="nvidia-current")]
    )
    assert "comes from Debian's archive now (nvidia-current): its packages go first" in plan(debian)["notes"]
    early = "NVIDIA's repository for debian 13 (x86_64) was last seen to begin with branch 590: 580 may not be there"
    assert plan(facts("debian13"))["notes"] == [early]
    assert plan(facts("debian13"), branch="590")["notes"] == []
    assert plan(facts("debian12"))["notes"] == []
    assert "branch 590" in plan(facts("debian12", architecture="aarch64"))["notes"][0]
    silent = facts()
    silent["gpus"][0]["responding"] = False
    assert plan(silent)["notes"] == ["GPU 0000:00:00.0 doesn't answer on the PCI bus"]
