# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch that is closed under the thread that reads it."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._stream import Stream, cut
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError


class Response:
    """Reads from a socket as urllib3's response does; the socket is where ``place`` says."""

    def __init__(self, ours: socket.socket, place: str) -> None:
        self._ours, self.closed, self.reading = ours, False, threading.Event()
        if place == "connection":
            self._connection = SimpleNamespace(sock=ours)
        elif place == "file":
            self._fp = SimpleNamespace(fp=SimpleNamespace(raw=SimpleNamespace(_sock=ours)))

    def stream(self, _size: int, decode_content: bool):
        while True:
            self.reading.set()
            data = self._ours.recv(1000)
            if not data:
                raise ConnectionError("the chunk is not complete")
            yield data

    def close(self) -> None:
        self.closed = True


def broken(exc: BaseException) -> ApiError:
    return ApiError(0, "Unreachable", str(exc))


@pytest.mark.parametrize("place", ["connection", "file"])
def test_a_blocked_read_ends_at_once_and_without_an_error(place):
    ours, theirs = socket.socketpair()
    response, events = Response(ours, place), []
    stream = Stream(lambda: response, broken)
    reader = threading.Thread(target=lambda: events.extend(stream))
    theirs.sendall(b'{"n": 1}\n{"n": 2}\n{"n"')
    reader.start()
    assert response.reading.wait(5)
    stream.close()
    reader.join(5)
    assert not reader.is_alive()
    assert response.closed
    assert events in ([], [{"n": 1}, {"n": 2}]), "what was read is told, what was cut isn't"
    ours.close()
    theirs.close()


def test_a_stream_that_breaks_by_itself_is_an_error():
    ours, theirs = socket.socketpair()
    stream = Stream(lambda: Response(ours, "connection"), broken)
    theirs.sendall(b'{"n": 1}\n')
    assert next(stream) == {"n": 1}
    theirs.close()
    with pytest.raises(ApiError, match="not complete"):
        next(stream)
    ours.close()


def test_a_response_without_a_socket_is_left_to_its_timeout():
    cut(object())
