# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Read what a kernel module says of itself, without modinfo.

A module is an ELF file whose section .modinfo holds ``name=value`` strings, each ended by a zero byte. Of a plain
file only the headers and that section are read; a compressed one has to be unpacked up to the section.
"""

from __future__ import annotations

import contextlib
import gzip
import lzma
import os
import re
import struct
import zlib
from typing import Any, BinaryIO, Dict

from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu import _zstd
from ansible_collections.openhands.gpu_observability.plugins.module_utils._gpu._root import Root

MAGIC = b"\x7fELF"
LITTLE_64 = b"\x02\x01"
SECTION = b".modinfo"
SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
MOST_SECTIONS = 4096
MOST_BYTES = 1 << 20

MOST_UNPACKED = 256 << 20
CHUNK = 1 << 20
FIELDS = {
    "license": re.compile(rb"license=(Dual MIT/GPL|NVIDIA)\0"),
    "version": re.compile(rb"version=(\d+\.\d+(?:\.\d+)?)\0"),
}
"""Precise, as the whole of an unpacked module is searched for them; each begins with plain letters, which re finds
fifty times faster than anything else."""

WORD = re.compile(rb"\w")
OVERLAP = 256
"""Bytes that are searched again with the next chunk: a field may lie across two."""


def modinfo(root: Root, path: str) -> Dict[str, str]:
    """``license`` and ``version`` of a module; empty where the file is absent, and noted where it cannot be read."""
    try:
        descriptor = root.open(path)
    except OSError as error:
        root.missed(path, error)
        return {}
    with os.fdopen(descriptor, "rb") as stream:
        try:
            fields = _fields(stream, path)
        except (OSError, EOFError, ValueError, struct.error, lzma.LZMAError, zlib.error) as error:
            root.note(path, str(error) or "is cut short")
            return {}
    if "version" not in fields:
        root.note(path, "does not say its version")
    return fields


def _fields(stream: BinaryIO, path: str) -> Dict[str, str]:
    suffix = path.rpartition(".")[2]
    if suffix == "xz":
        return _search(lzma.LZMAFile(stream))
    if suffix == "gz":
        return _search(gzip.GzipFile(fileobj=stream))
    if suffix == "zst":
        with contextlib.closing(_zstd.Reader(stream)) as reader:
            return _search(reader)
    return _decode(_section(stream) + b"\0")


def _search(unpacked: Any) -> Dict[str, str]:
    """Unpack until both fields are found: the section has no fixed place."""
    found: Dict[str, str] = {}
    before = b""
    total = 0
    while total < MOST_UNPACKED:
        chunk = unpacked.read(CHUNK)
        if not chunk:
            break
        before += chunk
        found.update(_decode(before))
        if len(found) == len(FIELDS):
            break
        total += len(chunk)
        before = before[-OVERLAP:]
    return found


def _decode(data: bytes) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for name, pattern in FIELDS.items():
        for match in pattern.finditer(data):
            if not WORD.match(data[match.start() - 1 : match.start()]):
                found[name] = match.group(1).decode("ascii")
                break
    return found


def _section(stream: BinaryIO) -> bytes:
    """The bytes of .modinfo. Raises ValueError for what is no 64-bit module."""
    head = stream.read(64)
    if head[:4] != MAGIC or head[4:6] != LITTLE_64 or len(head) < 64:
        raise ValueError("is no 64-bit kernel module")
    table = struct.unpack_from("<Q", head, 40)[0]
    size, count, names = struct.unpack_from("<HHH", head, 58)
    if size != SECTION_HEADER.size or not 0 < count <= MOST_SECTIONS or names >= count:
        raise ValueError("has a broken table of sections")
    stream.seek(table)
    rows = [SECTION_HEADER.unpack(stream.read(size)) for _row in range(count)]
    labels = _bytes(stream, *rows[names][4:6])
    for row in rows:
        if labels[row[0] : row[0] + len(SECTION) + 1] == SECTION + b"\0":
            return _bytes(stream, *row[4:6])
    raise ValueError("has no section .modinfo")


def _bytes(stream: BinaryIO, *where: int) -> bytes:
    place, size = where
    if size > MOST_BYTES:
        raise ValueError("has a section of %d bytes where few belong" % size)
    stream.seek(place)
    return stream.read(size)


def flavour(licence: str) -> str:
    """open, proprietary or "" by a module's licence (NVIDIA/open-gpu-kernel-modules kernel-open/nvidia/nv.c)."""
    return {"Dual MIT/GPL": "open", "NVIDIA": "proprietary"}.get(licence, "")
