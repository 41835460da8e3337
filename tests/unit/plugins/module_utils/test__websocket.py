# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's half of RFC 6455, against bytes written out by hand."""

from __future__ import annotations

import base64
import hashlib
import io
import struct

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _websocket
from ansible_collections.openhands.gpu_observability.plugins.module_utils._websocket import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    Broken,
    UpgradeRefused,
    WebSocket,
    frame,
    masked,
    upgrade,
)

MASK = b"\x01\x02\x03\x04"
KEY = base64.b64encode(b"k" * 16).decode()
ACCEPT = base64.b64encode(hashlib.sha1(KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


def served(payload, opcode=BINARY, final=True):
    """A frame as a server sends it: without a mask."""
    head = bytes([(0x80 if final else 0) | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    return head + b"\x7e" + struct.pack("!H", len(payload)) + payload


def talk(*frames):
    sent = []
    return WebSocket(io.BytesIO(b"".join(frames)), sent.append, lambda count: MASK[:count]), sent


def ask(answer, **more):
    sent = []
    options = {"host": "api:6443", "path": "/x", "protocol": "v4", "headers": [("Authorization", "Bearer t")], **more}
    upgrade(io.BytesIO(answer), sent.append, random=lambda count: b"k" * count, **options)
    return sent[0].decode()


def switching(accept=ACCEPT, protocol="v4"):
    return (
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
        f"sec-websocket-accept: {accept}\r\nsec-websocket-protocol: {protocol}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 125, 126, 65535, 65536, 70001])
def test_a_frame_is_read_back_as_it_was_sent(size):
    payload = bytes(index % 251 for index in range(size))
    ours, _sent = talk(frame(payload, BINARY, MASK))
    assert ours.receive() == payload


def test_a_frame_is_masked_and_final():
    assert frame(b"ab", BINARY, MASK) == b"\x82\x82" + MASK + bytes([ord("a") ^ 1, ord("b") ^ 2])


def test_masking_twice_gives_the_payload_back():
    assert masked(masked(b"every byte", MASK), MASK) == b"every byte"


def test_a_message_in_pieces_is_joined_around_a_ping_that_is_answered():
    ours, sent = talk(served(b"ab", final=False), served(b"?", PING), served(b"cd", 0))
    assert ours.receive() == b"abcd"
    assert sent == [frame(b"?", PONG, MASK)]


def test_a_pong_says_nothing():
    ours, sent = talk(served(b"", PONG), served(b"x"))
    assert ours.receive() == b"x"
    assert sent == []


def test_after_close_there_is_nothing_more():
    ours, sent = talk(served(b"", CLOSE), served(b"late"))
    assert ours.receive() is None
    assert ours.receive() is None
    ours.close()
    assert sent == []


def test_closing_says_goodbye_once_and_to_nobody_if_need_be():
    ours, sent = talk()
    ours.close()
    ours.close()
    assert sent == [frame(struct.pack("!H", 1000), CLOSE, MASK)]

    def gone(_data):
        raise BrokenPipeError

    WebSocket(io.BytesIO(), gone).close()


@pytest.mark.parametrize("cut", [0, 1, 2, 4])
def test_an_end_in_the_middle_is_an_error(cut):
    ours, _sent = talk(served(b"abc")[:cut])
    with pytest.raises(Broken, match="middle"):
        ours.receive()


def test_a_huge_frame_is_refused_before_it_is_read(monkeypatch):
    ours, _sent = talk(b"\x82\x7f" + struct.pack("!Q", 2**40))
    with pytest.raises(Broken, match="frame is larger"):
        ours.receive()


def test_a_message_grown_huge_by_pieces_is_refused(monkeypatch):
    monkeypatch.setattr(_websocket, "MAX_MESSAGE_BYTES", 3)
    ours, _sent = talk(served(b"ab", final=False), served(b"cd", 0))
    with pytest.raises(Broken, match="message is larger"):
        ours.receive()


def test_the_upgrade_says_who_we_are_and_what_we_speak():
    asked = ask(switching())
    assert asked.startswith("GET /x HTTP/1.1\r\nHost: api:6443\r\n")
    assert "\r\nAuthorization: Bearer t\r\n" in asked
    assert f"\r\nSec-WebSocket-Key: {KEY}\r\n" in asked
    assert "\r\nSec-WebSocket-Protocol: v4\r\n" in asked
    assert asked.endswith("\r\n\r\n")


def test_a_header_can_be_there_twice():
    asked = ask(switching(), headers=[("Impersonate-Group", "a"), ("Impersonate-Group", "b")])
    assert "Impersonate-Group: a\r\nImpersonate-Group: b\r\n" in asked


def test_a_refusal_carries_the_servers_words():
    with pytest.raises(UpgradeRefused) as caught:
        ask(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!!rest")
    assert (caught.value.status, caught.value.body) == (403, b"no!!")
    assert caught.value.headers["Content-Length"] == "4"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "closed"),
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (switching(accept="bm8="), "Sec-WebSocket-Accept"),
        (switching(protocol="v5"), "subprotocol v4"),
    ],
)
def test_an_answer_to_something_else_is_not_believed(answer, reason):
    with pytest.raises(Broken, match=reason):
        ask(answer)


def test_a_line_break_cant_smuggle_a_header_in():
    with pytest.raises(ValueError, match="line break"):
        ask(switching(), headers=[("A", "b\r\nX: y")])
