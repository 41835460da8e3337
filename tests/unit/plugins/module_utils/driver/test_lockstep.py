# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fabric manager and its kin: by hardware, branch, architecture and source."""

from __future__ import annotations

import pytest
from driver_case import codes, facts, installed, plan

HGX = {"generation": "hopper", "nvswitches": [{"address": "0000:07:00.0", "device": "22a3", "driver": ""}]}
B200 = {"generation": "blackwell", "nvlink5": True}
GB200 = {"generation": "blackwell", "coherent": True, "architecture": "aarch64"}
GH200 = {"generation": "hopper", "coherent": True, "architecture": "aarch64"}


def beside(planned):
    """What a host gets that a plain one wouldn't."""
    return [name for name in installed(planned) if name.startswith(NAMES)]


NAMES = (
    "nvidia-fabric",
    "libnvidia-nscq",
    "libnvsdm",
    "nvlsm",
    "infiniband-diags",
    "nvidia-imex",
    "nvidia-modprobe",
)
NVLINK5 = ["nvlsm", "infiniband-diags"]
CASES = [
    ("ubuntu24", {}, {}, []),
    ("ubuntu24", HGX, {"branch": "595"}, ["nvidia-fabricmanager", "libnvidia-nscq"]),
    ("ubuntu24", HGX, {"branch": "580"}, ["nvidia-fabricmanager", "libnvidia-nscq"]),
    ("ubuntu24", HGX, {"branch": "570"}, ["nvidia-fabricmanager-570", "libnvidia-nscq-570"]),
    ("ubuntu24", HGX, {"source": "archive"}, ["nvidia-fabricmanager-580", "libnvidia-nscq-580"]),
    ("debian12", HGX, {"branch": "580"}, ["nvidia-fabricmanager", "libnvidia-nscq"]),
    ("debian12", HGX, {"branch": "570"}, ["nvidia-fabricmanager-570", "libnvidia-nscq-570"]),
    ("rhel9", HGX, {"branch": "580"}, ["nvidia-fabricmanager", "libnvidia-nscq"]),
    ("rocky9", HGX, {"branch": "570"}, ["nvidia-fabric-manager", "libnvidia-nscq-570"]),
    ("rhel10", HGX, {"branch": "595"}, ["nvidia-fabricmanager", "libnvidia-nscq"]),
    ("ubuntu24", B200, {"branch": "595"}, ["nvidia-fabricmanager", "libnvsdm", *NVLINK5]),
    ("ubuntu24", B200, {"branch": "570"}, ["nvidia-fabricmanager-570", "libnvsdm-570", *NVLINK5]),
    ("ubuntu24", {**B200, "architecture": "aarch64"}, {}, ["nvidia-fabricmanager", *NVLINK5]),
    ("rhel10", B200, {"branch": "580"}, ["nvidia-fabricmanager", "libnvsdm", *NVLINK5]),
    ("ubuntu24", GB200, {"branch": "580"}, ["nvidia-imex", "nvidia-modprobe"]),
    ("ubuntu24", GB200, {"branch": "570"}, ["nvidia-imex-570", "nvidia-modprobe"]),
    ("ubuntu24", {**GB200, "nvlink5": True}, {}, ["nvidia-imex", "nvidia-modprobe"]),
    ("ubuntu24", GB200, {"source": "archive", "machine_owner_key": True}, ["nvidia-imex-580"]),
    ("ubuntu24", GH200, {"branch": "580"}, []),
]


@pytest.mark.parametrize(("system", "hardware", "wish", "expected"), CASES)
def test_a_host_gets_what_its_fabric_needs(system, hardware, wish, expected):
    planned = plan(facts(system, **hardware), **wish)
    assert planned["blocked"] == []
    assert beside(planned) == expected
    held = [name for name in expected if name not in NVLINK5]
    assert [name for name in planned["packages"]["hold"] if name.startswith(NAMES)] == held


@pytest.mark.parametrize(
    ("hardware", "branch", "says"),
    [
        (B200, "555", "branch 555 has no infiniband-diags and libnvsdm and nvlsm, which this host needs"),
        (
            {**B200, "architecture": "aarch64"},
            "565",
            "branch 565 has no infiniband-diags and nvlsm, which this host needs",
        ),
        (GB200, "545", "branch 545 has no nvidia-imex and nvidia-modprobe, which this host needs"),
    ],
)
def test_a_branch_that_is_older_than_what_the_fabric_needs_is_refused(hardware, branch, says):
    reasons = {reason["code"]: reason for reason in plan(facts(**hardware), branch=branch)["blocked"]}
    assert reasons["branch_fabric"]["reason"] == says
    newer = "550" if branch == "545" else "570"
    assert reasons["branch_fabric"]["fix"] == f"set nvidia_driver_branch to {newer} or newer"


@pytest.mark.parametrize(
    ("system", "hardware", "wish"),
    [
        ("debian13", HGX, {"source": "archive", "branch": "550", "flavour": "proprietary"}),
        ("debian12", HGX, {"source": "archive", "branch": "535"}),
        ("ubuntu24", B200, {"source": "archive"}),
    ],
)
def test_an_archive_without_them_is_refused(system, hardware, wish):
    planned = plan(facts(system, **hardware), **wish)
    assert codes(planned) == ["archive_fabric"]
    assert planned["blocked"][0]["fix"] == "set nvidia_driver_source to vendor"


def test_services_start_in_the_order_they_need_each_other():
    assert plan(facts())["services"] == ["nvidia-persistenced.service"]
    assert plan(facts(**HGX))["services"] == ["nvidia-persistenced.service", "nvidia-fabricmanager.service"]
    assert plan(facts(**GB200))["services"] == ["nvidia-persistenced.service", "nvidia-imex.service"]


def test_memory_that_cpu_and_gpu_share_is_left_to_the_driver():
    option = {"NVreg_CoherentGPUMemoryMode": "driver"}
    assert plan(facts(**GH200))["modprobe"]["options"]["nvidia"] == option
    assert plan(facts(**GB200))["modprobe"]["options"]["nvidia"] == option
    assert "nvidia" not in plan(facts(**GH200), branch="570")["modprobe"]["options"]
    assert "nvidia" not in plan(facts(**HGX))["modprobe"]["options"]


def test_ones_own_options_come_last():
    wish = {"nvidia": {"NVreg_CoherentGPUMemoryMode": "numa", "NVreg_X": 1}, "nvidia-drm": {"modeset": 0}}
    options = plan(facts(**GH200), module_options=wish)["modprobe"]["options"]
    assert options == {
        "nouveau": {"modeset": "0"},
        "nvidia": {"NVreg_CoherentGPUMemoryMode": "numa", "NVreg_X": "1"},
        "nvidia_drm": {"modeset": "0"},
    }
