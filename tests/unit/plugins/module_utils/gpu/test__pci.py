# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device ids at the edges of each block, cards by name, and odd devices on the bus."""

from __future__ import annotations

import errno
import os

import gpu_trees
import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import (
    _devices,
    _host,
    _models,
    _pci,
    _vgpu,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root

ADDRESS = "0000:3b:00.0"
FOLDER = f"/sys/devices/pci0000:00/{ADDRESS}"

GENERATIONS = {
    0x0FBF: "unknown",  # Fermi's and sound
    0x0FC6: "kepler",
    0x102D: "kepler",  # Tesla K80
    0x1040: "unknown",  # Fermi between Keplers
    0x11BF: "kepler",
    0x1200: "unknown",
    0x1340: "maxwell",
    0x13BD: "maxwell",  # Tesla M10
    0x1436: "maxwell",
    0x15F8: "pascal",  # Tesla P100
    0x1617: "maxwell",
    0x17FD: "maxwell",  # Tesla M40
    0x1B38: "pascal",  # Tesla P40
    0x1D56: "pascal",
    0x1D7F: "pascal",
    0x1D81: "volta",  # TITAN V
    0x1DB6: "volta",
    0x1DF6: "volta",  # Tesla V100S
    0x1E02: "turing",
    0x1EB8: "turing",
    0x1FF9: "turing",
    0x2000: "unknown",
    0x2082: "ampere",
    0x20B0: "ampere",
    0x20F1: "ampere",
    0x20FF: "ampere",
    0x2182: "turing",  # TU116, between two Amperes
    0x21D1: "turing",
    0x2203: "ampere",
    0x2235: "ampere",  # A40
    0x2296: "unknown",  # a bridge of Orin
    0x22A3: "unknown",  # an NVSwitch
    0x2302: "hopper",
    0x2330: "hopper",
    0x23F0: "hopper",
    0x2414: "ampere",
    0x25B6: "ampere",  # A16
    0x25FB: "ampere",
    0x2681: "ada",
    0x26B9: "ada",
    0x27B8: "ada",  # L4
    0x28F8: "ada",
    0x2900: "blackwell",
    0x2901: "blackwell",
    0x2941: "blackwell",
    0x29BC: "blackwell",
    0x2A00: "unknown",
    0x2B00: "unknown",  # Thor, no PCI card
    0x2B85: "blackwell",
    0x2BB5: "blackwell",
    0x2C02: "blackwell",
    0x2D83: "blackwell",
    0x2E12: "blackwell",  # GB10
    0x2F04: "blackwell",
    0x3182: "blackwell",  # B300
    0x31C2: "blackwell",  # GB300
    0x3280: "unknown",
    0x3340: "unknown",
    0xFFFF: "unknown",
}


@pytest.mark.parametrize(("device", "generation"), GENERATIONS.items(), ids=[f"{device:04x}" for device in GENERATIONS])
def test_generation(device, generation):
    assert _devices.generation(device) == generation


def test_blocks_are_in_order_and_apart():
    edges = [edge for first, last, _name in _devices.BLOCKS for edge in (first, last)]
    assert edges == sorted(set(edges))
    assert {name for _first, _last, name in _devices.BLOCKS} == set(_devices.GENERATIONS)


def test_every_card_with_a_name_has_a_generation():
    named = {*_models.BY_DEVICE, *(device for device, _subsystem in _models.BY_SUBSYSTEM)}
    assert {device for device in named if _devices.generation(device) == _devices.UNKNOWN} == set()


@pytest.mark.parametrize(
    ("device", "subsystem", "name"),
    [
        (0x2330, 0x16C1, "H100 80GB HBM3"),
        (0x25B6, 0x14A9, "A16"),
        (0x25B6, 0x157E, "A2"),
        (0x25B6, 0x0001, ""),
        (0x3182, 0x20E6, "B300 SXM6 AC"),
        (0x9999, 0x0000, ""),
    ],
)
def test_model(device, subsystem, name):
    assert _models.model(device, subsystem) == name


@pytest.mark.parametrize(
    ("device", "possible"),
    [
        (0x1DB6, False),
        (0x1EB8, False),
        (0x20B0, True),
        (0x2236, False),
        (0x2330, True),
        (0x26B9, False),
        (0x2901, True),
        (0xFFFF, True),
    ],
    ids=["V100", "T4", "A100", "A10", "H100", "L40S", "B200", "a card to come"],
)
def test_mig_is_only_ruled_out_where_that_is_certain(device, possible):
    assert _devices.can_mig(device) is possible


@pytest.fixture
def tree(tmp_path):
    """One L4."""
    tree = gpu_trees.host(tmp_path)
    gpu_trees.gpu(tree, ADDRESS, "0x27b8", "0x16ee")
    return tree


def bus(tree):
    root = Root(str(tree.root))
    return _pci.walk(root), root.unread


@pytest.mark.parametrize(
    ("kind", "count"),
    [("0x030000", 1), ("0x030200", 1), ("0x038000", 0), ("0x040300", 0), ("0x060400", 0), ("0x0c0330", 0)],
    ids=["VGA", "3D", "other display", "sound", "bridge", "USB"],
)
def test_only_display_classes_are_gpus(tree, kind, count):
    tree.write(f"{FOLDER}/class", kind)
    found, _unread = bus(tree)
    assert (len(found.gpus), found.switches) == (count, [])


def test_other_vendors_are_passed_over(tree):
    tree.write(f"{FOLDER}/vendor", "0x1002")
    assert bus(tree)[0].gpus == []


def test_virtual_functions_are_listed_and_not_counted(tree):
    gpu_trees.gpu(tree, "0000:3b:00.4", "0x27b8", "0x0000", physical_function=ADDRESS, driver="")
    host = _host.look(str(tree.root))
    assert [gpu["virtual_function"] for gpu in host["gpus"]] == [False, True]
    assert (host["found_gpus"], len(host["mig"])) == (1, 1)


def test_a_gpu_off_the_bus_is_listed_and_not_counted(tree):
    tree.write(f"{FOLDER}/config", b"\xff" * 256)
    host = _host.look(str(tree.root))
    assert ([gpu["responding"] for gpu in host["gpus"]], host["found_gpus"]) == ([False], 0)


def test_a_gpu_without_config_or_numa_node_counts(tree):
    for name in ("config", "numa_node", "iommu_group", "driver"):
        tree.unlink(f"{FOLDER}/{name}")
    found, unread = bus(tree)
    gpu = found.gpus[0]
    assert (gpu["responding"], gpu["numa_node"], gpu["iommu_group"], gpu["driver"], unread) == (True, -1, None, "", [])


def test_nonsense_in_a_device_is_told_and_no_guess(tree):
    tree.write(f"{FOLDER}/device", "0xzz")
    tree.write(f"{FOLDER}/numa_node", "near")
    found, unread = bus(tree)
    assert (found.gpus[0]["device"], found.gpus[0]["generation"], found.gpus[0]["numa_node"]) == ("", "unknown", -1)
    assert [line["path"].rpartition("/")[2] for line in unread] == ["device", "numa_node"]


def test_an_unknown_card_has_no_name_and_no_generation(tree):
    tree.write(f"{FOLDER}/device", "0x3999")
    gpu = bus(tree)[0].gpus[0]
    assert (gpu["device"], gpu["generation"], gpu["model"]) == ("3999", "unknown", "")


def test_a_config_space_cut_short_is_told(tree):
    tree.write(f"{FOLDER}/config", gpu_trees.pci_config("0x10de", "0x27b8")[:64])
    found, unread = bus(tree)
    assert found.vgpu_guest is False
    assert [line["reason"] for line in unread] == [
        "only its first 64 bytes can be read: read it as root to tell a vGPU"
    ]


def config(*capabilities):
    return gpu_trees.pci_config("0x10de", "0x1eb8", *capabilities)


def circle():
    space = bytearray(config((0x01, bytes(6)), (0x05, bytes(10))))
    space[0x69] = 0x60
    return bytes(space)


@pytest.mark.parametrize(
    ("space", "guest"),
    [
        (config((0x09, b"\x1bVF\0")), True),
        (config((0x01, bytes(6)), (0x09, b"\x08\0\0"), (0x09, b"\x1bVF\0")), True),
        (config((0x09, b"\x14\x01\0")), False),
        (config((0x05, b"\x1bVF\0")), False),
        (config(), False),
        (circle(), False),
        (b"\xff" * 256, False),
        (b"", False),
        (None, False),
    ],
    ids=["mark", "mark in the second", "other body", "other capability", "none", "circle", "gone", "empty", "absent"],
)
def test_vgpu(tmp_path, space, guest):
    assert _vgpu.is_guest(Root(str(tmp_path)), "/config", space) is guest


@pytest.mark.parametrize(
    ("driver", "kept"),
    [("vfio-pci", True), ("nvgrace-gpu-vfio-pci", True), ("pci-stub", True), ("nvidia", False), ("nouveau", False)],
)
def test_passthrough(tree, driver, kept):
    gpu_trees.bind(tree, ADDRESS, driver)
    assert _pci.passthrough(bus(tree)[0].gpus) is kept


@pytest.mark.parametrize(
    ("device", "coherent"), [("0x2342", True), ("0x31c2", True), ("0x2330", False), ("0x2901", False)]
)
def test_coherent_memory(tree, device, coherent):
    tree.write(f"{FOLDER}/device", device)
    assert _pci.coherent(bus(tree)[0].gpus) is coherent


@pytest.mark.parametrize(
    ("device", "mark", "found"),
    [("0x2901", "SW_MNG", True), ("0x2901", "V3", False), ("0x3999", "SW_MNG", True), ("0x2330", "SW_MNG", False)],
    ids=["B200", "no mark", "a card to come", "H100 beside such a card"],
)
def test_nvlink5(tree, device, mark, found):
    tree.write(f"{FOLDER}/device", device)
    gpu_trees.infiniband(tree, "mlx5_0", "0000:05:00.0", marker=mark)
    assert _host.look(str(tree.root))["nvlink5"] is found


def test_vital_product_data_that_cannot_be_read_is_told(tree, monkeypatch):
    tree.write(f"{FOLDER}/device", "0x2901")
    gpu_trees.infiniband(tree, "mlx5_0", "0000:05:00.0", marker="SW_MNG")
    real = os.open

    def refuse(path, *arguments):
        if str(path).endswith("/vpd"):
            raise OSError(errno.EACCES, "Permission denied")
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    host = _host.look(str(tree.root))
    assert host["nvlink5"] is False
    assert host["unread"] == [{"path": "/sys/class/infiniband/mlx5_0/device/vpd", "reason": "Permission denied"}]
