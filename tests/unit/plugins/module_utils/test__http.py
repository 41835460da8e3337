# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over a stream that is a list of bytes, and TLS over one."""

from __future__ import annotations

import ssl
import subprocess

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _http
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import (
    NotHttp,
    Request,
    Response,
    TlsStream,
    exchange,
    tls_context,
)

NEW_CERTIFICATE = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj"


class Wire:
    """Answers with the given bytes, a few at a time, and keeps what was sent."""

    def __init__(self, answer=b"", step=7):
        self.answer, self.step, self.sent, self.closed = answer, step, b"", False

    def sendall(self, data):
        self.sent += data

    def readinto(self, target):
        size = min(self.step, len(self.answer), len(target))
        target[:size] = self.answer[:size]
        self.answer = self.answer[size:]
        return size

    def close(self):
        self.closed = True


def answered(body=b"hello", *, length=None, status="200 OK", extra=""):
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{extra}\r\n".encode() + body


def test_a_request_goes_out_and_its_answer_comes_in_whole():
    wire = Wire(answered(b'{"a": 1}', extra="X-Kind: json\r\n"))
    response = exchange(wire, Request("put", "/s?x=1", {"X-A": "b"}, b"body"), "localhost")
    assert response.status == 200
    assert response.json() == {"a": 1}
    assert response.headers["x-kind"] == "json"
    sent = wire.sent.decode()
    assert sent.startswith("PUT /s?x=1 HTTP/1.1\r\nHost: localhost\r\n")
    assert "Connection: close\r\n" in sent
    assert "X-A: b\r\n" in sent
    assert "Content-Length: 4\r\n" in sent
    assert sent.endswith("\r\n\r\nbody")
    assert not wire.closed


def test_chunks_are_joined():
    wire = Wire(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert exchange(wire, Request(), "localhost").text == "abcde"


def test_an_answer_without_a_length_ends_with_the_stream():
    assert exchange(Wire(b"HTTP/1.0 200 OK\r\n\r\nall of it"), Request(), "localhost").text == "all of it"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        answered(b"abc", length=10),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab",
    ],
)
def test_half_an_answer_is_none(answer):
    with pytest.raises(NotHttp):
        exchange(Wire(answer), Request(), "localhost")


def test_an_endless_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr(_http, "MAX_BODY_BYTES", 4)
    with pytest.raises(NotHttp, match="larger than 4"):
        exchange(Wire(answered(b"12345")), Request(), "localhost")


@pytest.mark.parametrize(("method", "writes"), [("GET", False), ("head", False), ("POST", True), ("DELETE", True)])
def test_which_methods_write(method, writes):
    assert Request(method).writes is writes


def test_a_body_that_is_no_json_decodes_to_nothing():
    assert Response(200, b"<html>").json() is None
    assert Response(200, b"\xff").text == "\ufffd"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = f"{NEW_CERTIFICATE} /CN=pod -addext subjectAltName=DNS:pod"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return folder


class TlsServer:
    """The other end of a TLS connection, in this thread: it takes what is sent and answers one HTTP request."""

    def __init__(self, folder, answer):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.answer, self.ready, self.request, self.closed = answer, False, b"", False

    def sendall(self, data):
        self.incoming.write(data)
        try:
            if not self.ready:
                self.tls.do_handshake()
                self.ready = True
            self.request += self.tls.read(65536)
            self.tls.write(self.answer)
        except ssl.SSLWantReadError:
            pass

    def readinto(self, target):
        data = self.outgoing.read(len(target))
        target[: len(data)] = data
        return len(data)

    def close(self):
        self.closed = True


def test_tls_inside_a_stream_is_verified_and_carries_http(certificate):
    server = TlsServer(certificate, answered(b"safe" * 9000))
    context = tls_context((certificate / "cert.pem").read_text())
    stream = TlsStream(server, context, "pod")
    assert exchange(stream, Request("GET", "/p"), "localhost").body == b"safe" * 9000
    assert server.request.startswith(b"GET /p HTTP/1.1")
    stream.close()
    assert server.closed


def test_an_unknown_certificate_is_refused_when_authorities_are_given(certificate, tmp_path):
    other = tmp_path / "other.pem"
    command = f"{NEW_CERTIFICATE} /CN=else"
    subprocess.run(
        [*command.split(), "-keyout", str(tmp_path / "k"), "-out", str(other)], check=True, capture_output=True
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        TlsStream(TlsServer(certificate, b""), tls_context(other.read_text()), "pod")


def test_without_authorities_the_pods_certificate_is_taken_as_it_is(certificate):
    stream = TlsStream(TlsServer(certificate, answered()), tls_context(), "another-name")
    assert exchange(stream, Request(), "localhost").text == "hello"


def test_a_stream_that_ends_in_the_handshake_is_an_error(certificate):
    with pytest.raises(ssl.SSLError):
        TlsStream(Wire(), tls_context(), "pod")


def test_an_end_without_goodbye_ends_the_stream(certificate):
    server = TlsServer(certificate, b"HTTP/1.0 200 OK\r\n\r\nopen end")
    assert exchange(TlsStream(server, tls_context(), "pod"), Request(), "localhost").text == "open end"
