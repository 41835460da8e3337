# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One HTTP exchange over any byte stream, with or without TLS inside."""

from __future__ import annotations

import http.client
import io
import json
import ssl
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Mapping, Optional, Protocol, cast

MAX_BODY_BYTES = 64 * 1024 * 1024
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_CHUNK_BYTES = 32 * 1024


@dataclass(frozen=True)
class Request:
    """What to ask. The body is bytes; its content type is one of the headers."""

    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Optional[bytes] = None

    @property
    def writes(self) -> bool:
        """Whether the method may change something at the other end."""
        return self.method.upper() not in SAFE_METHODS


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the decoded JSON body, None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class NotHttp(OSError):
    """The other end closed early or answered with something that is not HTTP."""


class Duplex(Protocol):
    """A raw byte stream in both directions."""

    def sendall(self, data: bytes) -> None:
        """Write all bytes."""

    def readinto(self, target: Any) -> Optional[int]:
        """Read some bytes into a buffer; 0 at the end."""

    def close(self) -> None:
        """End the stream."""


class _Socket:
    """Dresses a stream as the socket http.client wants. The stream outlives it: closing is the caller's."""

    def __init__(self, stream: Duplex) -> None:
        self._stream = stream

    def sendall(self, data: bytes) -> None:
        self._stream.sendall(bytes(data))

    def makefile(self, *_args: Any, **_kwargs: Any) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(_Reader(self._stream), _CHUNK_BYTES))

    def close(self) -> None:
        """Leave the stream open: the response is still to be read."""


class _Reader(io.RawIOBase):
    def __init__(self, stream: Duplex) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> Optional[int]:
        return self._stream.readinto(target)


def exchange(stream: Duplex, request: Request, host: str) -> Response:
    """Send one request and read the whole response. Raises NotHttp, or whatever OSError the stream raises."""
    connection = http.client.HTTPConnection(host)
    connection.sock = cast(Any, _Socket(stream))
    headers = {"Connection": "close", "Accept-Encoding": "identity", **request.headers}
    try:
        connection.request(request.method.upper(), request.path, body=request.body, headers=headers)
        answer = connection.getresponse()
        body = answer.read(MAX_BODY_BYTES + 1)
    except http.client.HTTPException as error:
        raise NotHttp("no complete HTTP response: %s" % (str(error) or type(error).__name__)) from error
    if len(body) > MAX_BODY_BYTES:
        raise NotHttp("the response is larger than %d bytes" % MAX_BODY_BYTES)
    if answer.length:
        raise NotHttp("the response ended %d bytes early" % answer.length)
    return Response(answer.status, body, {name.lower(): value for name, value in answer.getheaders()})


class TlsStream:
    """TLS inside a stream that is not a socket."""

    def __init__(self, inner: Duplex, context: ssl.SSLContext, server_name: str) -> None:
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._drive(self._tls.do_handshake)

    def sendall(self, data: bytes) -> None:
        """Encrypt and write all bytes."""
        self._drive(lambda: self._tls.write(data))

    def readinto(self, target: Any) -> int:
        """Decrypt some bytes into a buffer; 0 at the end."""
        try:
            data = self._drive(lambda: self._tls.read(len(target)))
        except ssl.SSLEOFError:
            return 0
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the stream below."""
        self._inner.close()

    def _drive(self, step: Any) -> Any:
        """Run a TLS step, moving ciphertext both ways until it is satisfied."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._inner.sendall(data)

    def _fill(self) -> None:
        buffer = bytearray(_CHUNK_BYTES)
        size = self._inner.readinto(buffer)
        if size:
            self._incoming.write(bytes(buffer[:size]))
        else:
            self._incoming.write_eof()


def tls_context(ca_data: str = "") -> ssl.SSLContext:
    """Trust the given PEM authorities; with none given the pod's certificate is not verified.

    The stream itself is already bound to one pod by the API server.
    """
    if ca_data:
        return ssl.create_default_context(cadata=ca_data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
