# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kernel module says of itself, packed or not, whole or damaged."""

from __future__ import annotations

import ctypes
import gzip
import lzma
import random

import gpu_trees
import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _elf, _zstd
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root

WHOLE = gpu_trees.module_file("580.95.05", "open")
NO_VERSION = "does not say its version"
FIELDS = {"license": "Dual MIT/GPL", "version": "580.95.05"}


def modinfo(tmp_path, content, name="nvidia.ko"):
    (tmp_path / name).write_bytes(content)
    root = Root(str(tmp_path))
    return _elf.modinfo(root, "/" + name), [line["reason"] for line in root.unread]


def test_plain(tmp_path):
    assert modinfo(tmp_path, WHOLE) == (FIELDS, [])


@pytest.mark.parametrize(("suffix", "pack"), [("xz", lzma.compress), ("gz", gzip.compress)])
def test_packed(tmp_path, suffix, pack):
    assert modinfo(tmp_path, pack(WHOLE), f"nvidia.ko.{suffix}") == (FIELDS, [])


def test_fields_may_lie_across_two_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(_elf, "CHUNK", 7)
    monkeypatch.setattr(_elf, "OVERLAP", 64)
    assert modinfo(tmp_path, lzma.compress(WHOLE), "nvidia.ko.xz") == (FIELDS, [])


def test_versions_of_other_things_are_passed_over(tmp_path):
    content = b"protocol_version=1.2\0version=%d.%d\0version=1.2.3.4\0" + WHOLE
    assert modinfo(tmp_path, lzma.compress(content), "nvidia.ko.xz") == (FIELDS, [])


def test_unpacking_ends_at_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(_elf, "CHUNK", 16)
    monkeypatch.setattr(_elf, "MOST_UNPACKED", 64)
    assert modinfo(tmp_path, lzma.compress(WHOLE), "nvidia.ko.xz") == ({}, [NO_VERSION])


def test_unpacking_ends_once_both_fields_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(_elf, "CHUNK", len(WHOLE))
    damaged = bytearray(lzma.compress(WHOLE, check=lzma.CHECK_NONE) + bytes(4096))
    assert modinfo(tmp_path, bytes(damaged), "nvidia.ko.xz") == (FIELDS, [])


def zstd(content):
    """Pack with the library that is to unpack it."""
    library = _zstd.library()
    library.ZSTD_compress.restype = library.ZSTD_compressBound.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(library.ZSTD_compressBound(ctypes.c_size_t(len(content))))
    size = library.ZSTD_compress(room, ctypes.c_size_t(len(room)), content, ctypes.c_size_t(len(content)), 3)
    return room.raw[:size]


@pytest.mark.parametrize("chunk", [1 << 20, 100, 7])
def test_zstd(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(_elf, "CHUNK", chunk)
    monkeypatch.setattr(_zstd, "INPUT_SIZE", chunk)
    assert modinfo(tmp_path, zstd(WHOLE), "nvidia.ko.zst") == (FIELDS, [])


def test_zstd_of_many_blocks(tmp_path):
    long = random.Random(4).randbytes(700_000) + WHOLE
    assert modinfo(tmp_path, zstd(long), "nvidia.ko.zst") == (FIELDS, [])


def test_damaged_zstd_is_told(tmp_path):
    assert modinfo(tmp_path, zstd(WHOLE)[4:], "nvidia.ko.zst") == ({}, ["is no sound zstd stream"])


def test_zstd_cut_short_is_told(tmp_path):
    short = zstd(random.Random(4).randbytes(700_000) + WHOLE)[:1000]
    assert modinfo(tmp_path, short, "nvidia.ko.zst") == ({}, [NO_VERSION])


def test_zstd_without_its_library_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(_zstd, "LIBRARY", "libnowhere.so.1")
    assert modinfo(tmp_path, WHOLE, "nvidia.ko.zst") == (
        {},
        ["is packed with zstd, and libnowhere.so.1 is not here to unpack it"],
    )


def test_absent_is_no_trouble(tmp_path):
    root = Root(str(tmp_path))
    assert (_elf.modinfo(root, "/nvidia.ko"), root.unread) == ({}, [])


def patched(place, data):
    content = bytearray(WHOLE)
    content[place : place + len(data)] = data
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no 64-bit kernel module"),
        (b"not a module", "is no 64-bit kernel module"),
        (patched(4, b"\x01"), "is no 64-bit kernel module"),
        (patched(5, b"\x02"), "is no 64-bit kernel module"),
        (patched(58, b"\x20\x00"), "has a broken table of sections"),
        (patched(60, b"\x00\x00"), "has a broken table of sections"),
        (patched(60, b"\xff\xff"), "has a broken table of sections"),
        (patched(62, b"\xff\x00"), "has a broken table of sections"),
        (patched(40, b"\xff\xff\xff\x00"), "unpack requires a buffer of 64 bytes"),
        (WHOLE.replace(b".modinfo\0", b".modinfx\0"), "has no section .modinfo"),
        (WHOLE[:80], "unpack requires a buffer of 64 bytes"),
    ],
)
def test_damage_is_told(tmp_path, content, reason):
    assert modinfo(tmp_path, content) == ({}, [reason])


@pytest.mark.parametrize("suffix", ["xz", "gz"])
def test_damaged_archives_are_told(tmp_path, suffix):
    fields, reasons = modinfo(tmp_path, b"no archive", f"nvidia.ko.{suffix}")
    assert (fields, len(reasons)) == ({}, 1)


def test_an_archive_cut_short_is_told(tmp_path):
    fields, reasons = modinfo(tmp_path, lzma.compress(WHOLE)[:40], "nvidia.ko.xz")
    assert (fields, len(reasons)) == ({}, 1)


def test_a_huge_section_is_not_read(tmp_path):
    content = bytearray(WHOLE)
    table = int.from_bytes(content[40:48], "little")
    content[table + 2 * 64 + 32 : table + 2 * 64 + 40] = (1 << 40).to_bytes(8, "little")
    assert modinfo(tmp_path, bytes(content)) == ({}, [f"has a section of {1 << 40} bytes where few belong"])


@pytest.mark.parametrize(
    ("licence", "flavour"), [("Dual MIT/GPL", "open"), ("NVIDIA", "proprietary"), ("GPL", ""), ("", "")]
)
def test_flavour(licence, flavour):
    assert _elf.flavour(licence) == flavour
