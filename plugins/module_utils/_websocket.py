# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""The client side of a WebSocket (RFC 6455) over a connected stream: upgrade and binary messages, nothing more."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import struct
from typing import BinaryIO, Callable, Iterable, Mapping, Optional, Tuple

BINARY, CLOSE, PING, PONG = 0x2, 0x8, 0x9, 0xA
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SWITCHING = 101

Random = Callable[[int], bytes]


class UpgradeRefused(Exception):
    """The server answered the upgrade with an ordinary HTTP response."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__("HTTP %d" % status)
        self.status = status
        self.body = body
        self.headers = headers


class Broken(OSError):
    """The peer does not speak the protocol, or went away in the middle of a message."""


def upgrade(
    reader: BinaryIO,
    write: Callable[[bytes], None],
    *,
    host: str,
    path: str,
    protocol: str,
    headers: Iterable[Tuple[str, str]],
    random: Random = os.urandom,
) -> None:
    """Ask for the upgrade and check the answer.

    Raises UpgradeRefused with the server's body, Broken when the answer is not one to our question.
    """
    key = base64.b64encode(random(16)).decode()
    fields = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Protocol": protocol,
    }
    lines = ["GET %s HTTP/1.1" % path] + ["%s: %s" % pair for pair in [*fields.items(), *headers]]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header or the path holds a line break")
    write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    status, answer = _head(reader)
    if status != _SWITCHING:
        length = int(answer.get("Content-Length") or 0)
        raise UpgradeRefused(status, reader.read(min(length, MAX_MESSAGE_BYTES)), answer)
    digest = hashlib.sha1((key + _GUID).encode()).digest()  # noqa: S324 - the protocol says so; nothing secret
    expected = base64.b64encode(digest).decode()
    if answer.get("Sec-Websocket-Accept") != expected:
        raise Broken("the answer to the WebSocket upgrade carries a wrong Sec-WebSocket-Accept")
    if answer.get("Sec-Websocket-Protocol") != protocol:
        raise Broken("the server chose no WebSocket subprotocol %s" % protocol)


def _head(reader: BinaryIO) -> Tuple[int, Mapping[str, str]]:
    """Read the status line and the headers, by their titled names."""
    line = reader.readline(65537).decode("latin-1").split(None, 2)
    if len(line) < 2 or not line[0].startswith("HTTP/") or not line[1].isdigit():
        raise Broken("the connection was closed, or the answer is not HTTP")
    return int(line[1]), {name.title(): value for name, value in http.client.parse_headers(reader).items()}


class WebSocket:
    """Whole binary messages over an upgraded connection. Pings are answered on the way."""

    def __init__(self, reader: BinaryIO, write: Callable[[bytes], None], random: Random = os.urandom) -> None:
        self._reader = reader
        self._write = write
        self._random = random
        self._closed = False

    def send(self, payload: bytes, opcode: int = BINARY) -> None:
        """Send one message in one masked frame."""
        self._write(frame(payload, opcode, self._random(4)))

    def receive(self) -> Optional[bytes]:
        """Return the next binary or text message, or None once the peer closed."""
        message = b""
        while not self._closed:
            final, opcode, payload = self._frame()
            if opcode == PING:
                self.send(payload, PONG)
            elif opcode == CLOSE:
                self._closed = True
            elif opcode != PONG:
                message += payload
                if len(message) > MAX_MESSAGE_BYTES:
                    raise Broken("a WebSocket message is larger than %d bytes" % MAX_MESSAGE_BYTES)
                if final:
                    return message
        return None

    def close(self) -> None:
        """Say goodbye; whether the peer still listens doesn't matter."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(OSError):
                self.send(struct.pack("!H", 1000), CLOSE)

    def _frame(self) -> Tuple[bool, int, bytes]:
        first, second = self._exactly(2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack("!H", self._exactly(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self._exactly(8))[0]
        if length > MAX_MESSAGE_BYTES:
            raise Broken("a WebSocket frame is larger than %d bytes" % MAX_MESSAGE_BYTES)
        mask = self._exactly(4) if second & 0x80 else b""
        payload = self._exactly(length)
        return bool(first & 0x80), first & 0x0F, masked(payload, mask) if mask else payload

    def _exactly(self, count: int) -> bytes:
        data = self._reader.read(count)
        if len(data) < count:
            raise Broken("the connection was closed in the middle of a WebSocket message")
        return data


def frame(payload: bytes, opcode: int, mask: bytes) -> bytes:
    """Encode one final, masked frame."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """XOR a payload with the repeated four-byte mask (its own inverse)."""
    size = len(payload)
    stream = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")
