# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Just enough of the ELF format to know whether a program needs anything beside itself."""

from __future__ import annotations

import platform
import struct

MACHINES = {"x86_64": 62, "aarch64": 183}
PT_INTERP = 3


def is_static_program(path: str) -> bool:
    """Whether ``path`` is a 64-bit little-endian program for this machine that asks for no dynamic loader."""
    try:
        with open(path, "rb") as handle:
            header = handle.read(64)
            if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
                return False
            machine = struct.unpack_from("<H", header, 18)[0]
            if machine != MACHINES.get(platform.machine(), machine):
                return False
            offset = struct.unpack_from("<Q", header, 32)[0]
            size, count = struct.unpack_from("<HH", header, 54)
            handle.seek(offset)
            table = handle.read(size * count)
    except OSError:
        return False
    kinds = [struct.unpack_from("<I", table, index * size)[0] for index in range(len(table) // size)] if size else []
    return bool(kinds) and PT_INTERP not in kinds
