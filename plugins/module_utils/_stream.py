# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A watch as a stream of events that another thread can end at once."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import Any, Callable, Iterator, Optional

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError, Object

Open = Callable[[], Any]
"""Sends the request; urllib3's response, with its body unread."""

Broken = Callable[[BaseException], ApiError]
"""Names why a stream broke."""


class Stream:
    """Iterates over the events. Nothing is sent before the first one is asked for."""

    def __init__(self, open_: Open, broken: Broken) -> None:
        self._open, self._broken = open_, broken
        self._response: Optional[Any] = None
        self._closed = False
        self._events = self._read()

    def __iter__(self) -> Iterator[Object]:
        return self

    def __next__(self) -> Object:
        return next(self._events)

    def close(self) -> None:
        """End the stream, also under a thread that waits for its next event; that one sees the end."""
        self._closed = True
        response = self._response
        if response is not None:
            cut(response)

    def _read(self) -> Iterator[Object]:
        if self._closed:
            return
        self._response = response = self._open()
        buffer = b""
        try:
            # One read at a time: closing in between must be seen.
            chunks = response.stream(65536, decode_content=True)
            while not self._closed:
                chunk = next(chunks, None)
                if chunk is None:
                    return
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield json.loads(line)
        except ApiError:
            raise
        except Exception as exc:  # urllib3 and sockets raise many kinds when a stream breaks
            if not self._closed:
                raise self._broken(exc) from exc
        finally:
            self._response = None
            # A stream that is left halfway can't be used again.
            response.close()


def cut(response: Any) -> None:
    """Shut the socket below a response down. Safe while another thread reads from it, where closing isn't."""
    below = _socket(response)
    if below is None:
        return
    with suppress(OSError, ValueError):  # it may have ended by itself
        # Not the TLS object's own shutdown: that takes the TLS state away under the reader.
        socket.socket.shutdown(below, socket.SHUT_RDWR)


def _socket(response: Any) -> Optional[socket.socket]:
    """The socket of urllib3's response: of its connection, or of http.client's buffered file."""
    for path in (("_connection", "sock"), ("_fp", "fp", "raw", "_sock")):
        found = response
        for name in path:
            found = getattr(found, name, None)
        if isinstance(found, socket.socket):
            return found
    return None
