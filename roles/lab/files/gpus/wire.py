# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few bytes of protobuf that a kubelet's sockets take.

Messages: k8s.io/kubelet/pkg/apis/podresources/v1/api.proto.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

RESOURCE = "nvidia.com/gpu"


def message(*fields: tuple[int, bytes | str]) -> bytes:
    """A message of length-delimited fields: all that is needed here are texts and messages."""
    parts = []
    for number, content in fields:
        raw = content.encode() if isinstance(content, str) else content
        parts.append(varint(number << 3 | 2) + varint(len(raw)) + raw)
    return b"".join(parts)


def varint(number: int) -> bytes:
    """Seven bits to a byte."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def fields(raw: bytes) -> Mapping[int, list[bytes]]:
    """The fields of a message by number. Numbers come as eight bytes, the lowest first."""
    found: dict[int, list[bytes]] = defaultdict(list)
    at = 0

    def read() -> int:
        nonlocal at
        shift = value = 0
        while True:
            byte = raw[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(raw):
        number, kind = divmod(read(), 8)
        if kind == 2:
            length = read()
            found[number].append(raw[at : at + length])
            at += length
        elif kind == 0:
            found[number].append(read().to_bytes(8, "little"))
        else:
            at += {1: 8, 5: 4}[kind]
    return found


def held(raw: bytes) -> dict[str, dict[str, str]]:
    """Namespace, pod and container by the GPU's UUID, of a ListPodResourcesResponse."""
    found = {}
    for pod in map(fields, fields(raw)[1]):
        for container in map(fields, pod[3]):
            who = {
                "container": container[1][0].decode(),
                "namespace": pod[2][0].decode(),
                "pod": pod[1][0].decode(),
            }
            for devices in map(fields, container[2]):
                if devices[1] == [RESOURCE.encode()]:
                    found.update({uuid.decode(): who for uuid in devices[2]})
    return found
