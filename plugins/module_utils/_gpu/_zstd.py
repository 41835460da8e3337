# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Unpack zstd, which Ubuntu packs its kernel modules with and Python has only since 3.14.

Uses the C library libzstd, which the package manager and kmod of every such system need themselves, through ctypes. Its
streaming interface: https://facebook.github.io/zstd/doc/api_manual_latest.html (Streaming decompression).
"""

from __future__ import annotations

import ctypes
from typing import BinaryIO

LIBRARY = "libzstd.so.1"
INPUT_SIZE = 1 << 17


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer, which look alike."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t))


def library() -> ctypes.CDLL:
    """The C library with its functions declared. Raises ValueError where this host has none."""
    try:
        found = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise ValueError("is packed with zstd, and %s is not here to unpack it" % LIBRARY) from error
    found.ZSTD_createDStream.restype = ctypes.c_void_p
    found.ZSTD_freeDStream.argtypes = [ctypes.c_void_p]
    found.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Buffer), ctypes.POINTER(_Buffer)]
    found.ZSTD_decompressStream.restype = ctypes.c_size_t
    found.ZSTD_isError.argtypes = [ctypes.c_size_t]
    return found


class Reader:
    """Reads what a zstd stream holds."""

    def __init__(self, stream: BinaryIO) -> None:
        self._library = library()
        self._stream = stream
        self._state = ctypes.c_void_p(self._library.ZSTD_createDStream())
        self._held = ctypes.create_string_buffer(0)
        self._input = _Buffer(None, 0, 0)

    def close(self) -> None:
        """Give the library's memory back."""
        self._library.ZSTD_freeDStream(self._state)

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end. Raises ValueError for a damaged stream; one cut short ends early."""
        room = ctypes.create_string_buffer(size)
        output = _Buffer(ctypes.cast(room, ctypes.c_void_p), size, 0)
        while output.position < size:
            if self._input.position == self._input.size and not self._fill():
                break
            result = self._library.ZSTD_decompressStream(self._state, ctypes.byref(output), ctypes.byref(self._input))
            if self._library.ZSTD_isError(result):
                raise ValueError("is no sound zstd stream")
        return room.raw[: output.position]

    def _fill(self) -> bool:
        """Take the next part of the file; False at its end."""
        packed = self._stream.read(INPUT_SIZE)
        self._held = ctypes.create_string_buffer(packed, len(packed))
        self._input = _Buffer(ctypes.cast(self._held, ctypes.c_void_p), len(packed), 0)
        return bool(packed)
