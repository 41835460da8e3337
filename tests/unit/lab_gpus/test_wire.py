# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes over a kubelet's sockets, byte for byte as protoc's code has it."""

from __future__ import annotations

import pytest
from wire import fields, held, message, varint


@pytest.mark.parametrize(("number", "raw"), [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")])
def test_numbers_have_seven_bits_to_a_byte(number, raw):
    assert varint(number) == raw


def test_a_message_is_read_as_it_was_written():
    raw = message((1, "v1beta1"), (3, b"x" * 200), (3, "y"))
    assert raw.startswith(b"\x0a\x07v1beta1\x1a\xc8\x01x")
    assert fields(raw) == {1: [b"v1beta1"], 3: [b"x" * 200, b"y"]}


def test_other_kinds_of_fields_are_passed_over():
    raw = b"\x08\xac\x02" + b"\x11" + b"\1" * 8 + b"\x1d" + b"\2" * 4 + message((4, "z"))
    assert fields(raw) == {1: [(300).to_bytes(8, "little")], 4: [b"z"]}


def test_who_holds_a_gpu_is_told_by_its_uuid():
    gpus = message((1, "nvidia.com/gpu"), (2, "GPU-0"), (2, "GPU-1"))
    other = message((1, "example.com/nic"), (2, "nic0"))
    container = message((1, "c"), (2, gpus), (2, other))
    pod = message((1, "p"), (2, "ns"), (3, container), (3, message((1, "without"))))
    who = {"container": "c", "namespace": "ns", "pod": "p"}
    assert held(message((1, pod))) == {"GPU-0": who, "GPU-1": who}
    assert held(b"") == {}
