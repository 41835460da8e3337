# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""A byte stream to a port of a pod, through the API server's port-forward."""

from __future__ import annotations

import base64
import http.client
import io
import socket
from contextlib import ExitStack
from typing import Any, BinaryIO, Callable, Dict, Optional, Set, cast
from urllib.parse import SplitResult, unquote, urlsplit

from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._requests import (
    headers_of,
    no_answer,
    refusal,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._transport import bypassed, context
from ansible_collections.openhands.gpu_observability.plugins.module_utils._websocket import (
    UpgradeRefused,
    WebSocket,
    upgrade,
)

PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_CHUNK_BYTES = 32 * 1024


class PortClosed(OSError):
    """The kubelet could not reach the port inside the pod."""


class PodStream(io.RawIOBase):
    """One forwarded port as a raw stream: reads give what the pod sent, until it closes."""

    def __init__(self, websocket: WebSocket, on_close: Callable[[], None]) -> None:
        super().__init__()
        self._websocket = websocket
        self._on_close = on_close
        self._announced: Set[int] = set()
        self._buffer = b""
        self._done = False

    def readable(self) -> bool:
        """Tell io.BufferedReader that it may read."""
        return True

    def readinto(self, target: Any) -> int:
        """Fill the target with the next bytes; 0 at the end."""
        while not self._buffer and not self._done:
            self._take(self._websocket.receive())
        size = min(len(target), len(self._buffer))
        target[:size] = self._buffer[:size]
        self._buffer = self._buffer[size:]
        return size

    def _take(self, message: Optional[bytes]) -> None:
        if not message:
            self._done = message is None
            return
        channel, payload = message[0], message[1:]
        if channel not in self._announced:
            # the first message on a channel repeats the port number
            self._announced.add(channel)
            payload = payload[2:]
        if channel == _ERROR and payload:
            raise PortClosed(payload.decode("utf-8", "replace").strip())
        if channel == _DATA:
            self._buffer += payload

    def sendall(self, data: bytes) -> None:
        """Send all bytes to the pod."""
        for start in range(0, len(data), _CHUNK_BYTES):
            self._websocket.send(bytes((_DATA,)) + bytes(data[start : start + _CHUNK_BYTES]))

    def close(self) -> None:
        """Close the WebSocket and the connection under it."""
        if not self.closed:
            super().close()
            self._websocket.close()
            self._on_close()


def open_port(endpoint: Endpoint, namespace: str, pod: str, port: int, timeout: float) -> PodStream:
    """Forward one port of a pod.

    Raises ApiError for what the API server refused (403, 404, ...) and with status 0 where nothing answered.
    """
    address = urlsplit(endpoint.server)
    path = "%s/api/v1/namespaces/%s/pods/%s/portforward?ports=%d" % (address.path, namespace, pod, port)
    headers = [pair for pair in headers_of(endpoint).iteritems() if pair[0] != "Accept"]
    with ExitStack() as held:
        try:
            connection = held.enter_context(dial(endpoint, timeout))
            reader = held.enter_context(cast(BinaryIO, connection.makefile("rb")))
            upgrade(reader, connection.sendall, host=address.netloc, path=path, protocol=PROTOCOL, headers=headers)
        except UpgradeRefused as refused:
            raise refusal(refused.status, refused.headers, refused.body) from refused
        except (OSError, http.client.HTTPException) as error:
            raise no_answer(endpoint, error) from error
        return PodStream(WebSocket(reader, connection.sendall), held.pop_all().close)


def dial(endpoint: Endpoint, timeout: float) -> socket.socket:
    """Connect to the API server, with TLS and through the proxy where they are wanted. Raises OSError."""
    address = urlsplit(endpoint.server)
    host, tls = address.hostname or "", address.scheme == "https"
    port = address.port or (443 if tls else 80)
    if endpoint.proxy and not bypassed(host, endpoint.no_proxy):
        proxy = urlsplit(endpoint.proxy)
        tunnel = http.client.HTTPConnection(proxy.hostname or "", proxy.port or 3128, timeout=timeout)
        tunnel.set_tunnel(host, port, {**_proxy_login(proxy), **endpoint.proxy_headers})
        tunnel.connect()
        raw: socket.socket = tunnel.sock
    else:
        raw = socket.create_connection((host, port), timeout)
    try:
        return context(endpoint).wrap_socket(raw, server_hostname=endpoint.tls_server_name or host) if tls else raw
    except BaseException:
        raw.close()
        raise


def _proxy_login(proxy: SplitResult) -> Dict[str, str]:
    if not proxy.username:
        return {}
    pair = "%s:%s" % (unquote(proxy.username), unquote(proxy.password or ""))
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode("utf-8")).decode("ascii")}
