# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Port-forward against a small API server of our own, on a local socket, with TLS and through a proxy."""

from __future__ import annotations

import base64
import hashlib
import io
import socket
import ssl
import struct
import subprocess
import threading

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request, exchange
from ansible_collections.openhands.gpu_observability.plugins.module_utils._portforward import (
    PodStream,
    PortClosed,
    open_port,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
PORT = struct.pack("<H", 80)


def message(channel, payload):
    data = bytes([channel]) + payload
    return b"\x82" + (bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack("!H", len(data))) + data


class Server(threading.Thread):
    """Accepts one connection, keeps the request's head, and answers by a script."""

    def __init__(self, *frames, status=101, body=b"", context=None, proxy=False):
        super().__init__(daemon=True)
        self.frames, self.status, self.body, self.context, self.proxy = frames, status, body, context, proxy
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heads: list[str] = []
        self.start()

    def run(self):
        with self.listener, self.listener.accept()[0] as raw:
            try:
                self.serve(self.context.wrap_socket(raw, server_side=True) if self.context else raw)
            except OSError:
                return  # the client has what it wanted

    def serve(self, connection):
        reader = connection.makefile("rb")
        if self.proxy:
            self.heads.append(self.head(reader))
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.heads.append(self.head(reader))
        if self.status != 101:
            connection.sendall(b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n" % (self.status, len(self.body)))
            connection.sendall(self.body)
            return
        key = next(line for line in self.heads[-1].splitlines() if line.startswith("Sec-WebSocket-Key"))
        digest = hashlib.sha1((key.split(": ")[1] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n" + b"".join(self.frames)
        )
        reader.read(1)
        connection.recv(65536)

    @staticmethod
    def head(reader):
        lines = iter(reader.readline, b"\r\n")
        return b"".join(lines).decode()


def forwarded(*answers):
    return [message(0, PORT), message(1, PORT), *answers]


def ask(server, **endpoint):
    scheme = "https" if server.context else "http"
    where = Endpoint(f"{scheme}://127.0.0.1:{server.port}", **endpoint)
    stream = open_port(where, "models", "pod-0", 80, 5.0)
    try:
        return exchange(stream, Request("GET", "/"), "localhost")
    finally:
        stream.close()
        server.join(5)


def test_a_pods_answer_arrives():
    server = Server(*forwarded(message(0, ANSWER[:20]), message(0, ANSWER[20:])))
    assert ask(server, token="t", impersonate_user="u", impersonate_groups=("a", "b")).text == "hello"
    head = server.heads[0]
    assert head.startswith("GET /api/v1/namespaces/models/pods/pod-0/portforward?ports=80 HTTP/1.1\r\n")
    assert "Authorization: Bearer t\r\n" in head
    assert "Impersonate-Group: a\r\nImpersonate-Group: b\r\n" in head


def test_the_kubelets_error_is_told():
    server = Server(*forwarded(message(1, b"connection refused")))
    with pytest.raises(PortClosed, match="connection refused"):
        ask(server)


def test_a_path_of_the_api_server_is_kept():
    server = Server(*forwarded(message(0, ANSWER)))
    stream = open_port(Endpoint(f"http://127.0.0.1:{server.port}/k8s/c"), "n", "p", 1, 5.0)
    stream.close()
    server.join(5)
    assert server.heads[0].startswith("GET /k8s/c/api/v1/namespaces/n/pods/p/portforward?ports=1 ")


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_the_api_servers_own(status):
    body = b'{"kind": "Status", "message": "pods is forbidden", "reason": "Forbidden"}'
    with pytest.raises(ApiError, match="pods is forbidden") as caught:
        ask(Server(status=status, body=body))
    assert caught.value.status == status


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ApiError, match="can't be reached") as caught:
        open_port(Endpoint(f"http://127.0.0.1:{port}"), "n", "p", 1, 1.0)
    assert caught.value.status == 0


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=api"
    extra = ["-addext", "subjectAltName=DNS:api,IP:127.0.0.1", "-addext", "keyUsage=digitalSignature,keyCertSign"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command.split(), *extra, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, (folder / "cert.pem").read_bytes()


def test_tls_by_the_endpoints_authority(tls):
    server = Server(*forwarded(message(0, ANSWER)), context=tls[0])
    assert ask(server, ca=tls[1]).text == "hello"


def test_a_certificate_of_nobody_is_refused(tls):
    with pytest.raises(ApiError, match="isn't trusted"):
        ask(Server(context=tls[0]))


def test_through_a_proxy_with_a_login():
    proxy = Server(*forwarded(message(0, ANSWER)), proxy=True)
    where = Endpoint(
        "http://api.example:6443", proxy=f"http://me:p%40ss@127.0.0.1:{proxy.port}", proxy_headers={"X-P": "1"}
    )
    stream = open_port(where, "n", "p", 80, 5.0)
    assert exchange(stream, Request(), "localhost").text == "hello"
    stream.close()
    proxy.join(5)
    assert proxy.heads[0].startswith("CONNECT api.example:6443 ")
    assert "Proxy-Authorization: Basic " + base64.b64encode(b"me:p@ss").decode() in proxy.heads[0]
    assert "X-P: 1" in proxy.heads[0]
    assert "Proxy-Authorization" not in proxy.heads[1]


def test_a_host_excepted_from_the_proxy_is_reached_directly():
    server = Server(*forwarded(message(0, ANSWER)))
    assert ask(server, proxy="http://127.0.0.1:1", no_proxy="127.0.0.1").text == "hello"


class Script:
    """A WebSocket that gives messages from a list."""

    def __init__(self, *messages):
        self.messages, self.sent, self.closed = list(messages), [], 0

    def receive(self):
        return self.messages.pop(0) if self.messages else None

    def send(self, payload):
        self.sent.append(payload)

    def close(self):
        self.closed += 1


def test_what_is_written_goes_in_pieces_on_the_data_channel():
    script = Script()
    PodStream(script, lambda: None).sendall(b"x" * 70000)
    assert [len(piece) for piece in script.sent] == [32769, 32769, 4465]
    assert {piece[0] for piece in script.sent} == {0}


def test_reading_skips_empty_messages_and_ends_with_the_stream():
    script = Script(b"\x00" + PORT, b"", b"\x00", b"\x00abc", b"\x00d")
    assert io.BufferedReader(PodStream(script, lambda: None)).read() == b"abcd"


def test_closing_twice_closes_once():
    script, closed = Script(), []
    stream = PodStream(script, lambda: closed.append(1))
    stream.close()
    stream.close()
    assert (script.closed, closed) == (1, [1])
