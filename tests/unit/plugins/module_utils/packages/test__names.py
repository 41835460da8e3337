# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver's transaction leaves alone what isn't the driver's."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages import _names, _versions
from ansible_collections.openhands.gpu_observability.plugins.module_utils._packages._model import (
    Change,
    Request,
    Wanted,
)

REQUEST = Request(install=(Wanted("nvidia-kernel-dkms"), Wanted("dkms")), headers=("linux-headers-amd64",))


def objections(*changes, request=REQUEST, held=()):
    return _names.objections(changes, request, held, _versions.compare)


@pytest.mark.parametrize(
    "name",
    [
        "nvidia-kernel-dkms",
        "libcuda1",
        "libnvidia-ml1:i386",
        "cuda-drivers-580",
        "xserver-xorg-video-nvidia",
        "firmware-nvidia-gsp",
        "kmod-nvidia-open-dkms",
        "glx-alternative-nvidia",
        "update-glx",
        "linux-modules-nvidia-580-server-generic",
        "nvlsm",
        "libnvsdm",
        "libxnvctrl0",
        "nvidia-fabricmanager",
        "libnvidia-nscq",
        "nvidia-imex",
    ],
)
def test_of_the_driver(name):
    assert _names.is_driver(name)


@pytest.mark.parametrize(
    "name",
    [
        "nvidia-container-toolkit",
        "nvidia-container-toolkit-base",
        "libnvidia-container1",
        "libnvidia-container-tools",
        "datacenter-gpu-manager-4-core",
        "dkms",
        "linux-headers-amd64",
        "kubelet",
        "containerd.io",
        "gcc",
        "nvidia-docker2",
    ],
)
def test_not_of_the_driver(name):
    assert not _names.is_driver(name)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Change("kubelet", "1.36", ""), "the node runs on it"),
        (Change("linux-image-6.12.117+deb13-amd64", "6.12.117-1", ""), "the node runs on it"),
        (Change("linux-image-amd64", "6.12.100-1", "6.12.117-1"), "the node runs on it"),
        (Change("kernel-core", "5.14-1", "5.14-2"), "the node runs on it"),
        (Change("containerd.io", "1.7", "2.0"), "the node runs on it"),
        (Change("postgresql", "15", ""), "not part of the driver, and would be removed"),
        (Change("nvidia-container-toolkit", "1.20", ""), "not part of the driver, and would be removed"),
        (Change("openssl", "3.5", "3.4"), "older version"),
        (Change("nvidia-smi", "580.95-1", "570.1-1"), "nvidia_driver_allow_downgrade"),
    ],
)
def test_what_must_not_move(change, reason):
    (said,) = objections(change)
    assert said.startswith(str(change))
    assert reason in said


@pytest.mark.parametrize(
    "change",
    [
        Change("nvidia-open-kernel-dkms", "550.1-1", ""),
        Change("nvidia-kernel-dkms", "550.1-1", "580.1-1"),
        Change("linux-image-6.12.117+deb13-amd64", "", "6.12.117-1"),
        Change("gcc-14", "", "14.2-1"),
        Change("openssl", "3.4", "3.5"),
        Change("linux-headers-amd64", "6.12.100-1", "6.12.117-1"),
    ],
)
def test_what_may_move(change):
    assert objections(change) == []


def test_a_downgrade_of_the_driver_alone_can_be_allowed():
    request = Request(install=REQUEST.install, allow_downgrade=True)
    back = [Change("nvidia-smi", "580.95-1", "570.1-1"), Change("openssl", "3.5", "3.4")]
    assert [line.split()[0] for line in objections(*back, request=request)] == ["openssl"]


def test_what_somebody_else_holds_stays():
    change = Change("openssl", "3.4", "3.5")
    assert objections(change, held=["openssl"]) == ["openssl 3.4 -> 3.5: is held"]
    assert objections(Change("nvidia-smi", "1", "2"), held=["nvidia-smi"]) == []


def test_a_package_that_is_named_to_go_may_go():
    request = Request(remove=("nvidia-container-toolkit",))
    assert objections(Change("nvidia-container-toolkit", "1.20", ""), request=request) == []


def test_globs_take_neither_the_toolkit_nor_dcgm_with_them():
    names = [
        "nvidia-smi",
        "nvidia-container-toolkit",
        "libnvidia-container1",
        "libnvidia-ml1:i386",
        "datacenter-gpu-manager",
    ]
    assert _names.matching(["nvidia-*", "libnvidia-*", "data*"], names) == ["libnvidia-ml1:i386", "nvidia-smi"]
    assert _names.matching(["nvidia-container-toolkit"], names) == ["nvidia-container-toolkit"]
