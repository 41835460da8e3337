# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS proxy before a real API server that does to calls what networks and busy servers do."""

from __future__ import annotations

import http.client
import json
import random
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

QUESTIONS = ("/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/")
HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True)
class Call:
    """One request. number counts from 1."""

    number: int
    method: str
    path: str
    query: dict[str, list[str]]

    @property
    def watch(self) -> bool:
        return "watch" in self.query

    @property
    def write(self) -> bool:
        """Whether it may change something that lasts."""
        return self.method != "GET" and "dryRun" not in self.query and not self.path.startswith(QUESTIONS)

    def __str__(self) -> str:
        dry = " (dry run)" if "dryRun" in self.query else ""
        return f"{self.number} {self.method} {self.path}{dry}"


def status(code: int, reason: str, message: str, **details: Any) -> tuple[int, dict[str, str], bytes]:
    """An API server's refusal."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
    if reason:
        body["reason"] = reason
    return code, {"Content-Type": "application/json", **details}, json.dumps(body).encode()


REFUSALS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "conflict": status(
        409, "Conflict", "the object has been modified; please apply your changes to the latest version"
    ),
    "throttled": status(429, "TooManyRequests", "too many requests", **{"Retry-After": "1"}),
    "leader": status(500, "", "etcdserver: leader changed"),
    "unavailable": (503, {"Content-Type": "text/plain"}, b"service unavailable\n"),
    "gateway": (502, {"Content-Type": "text/html"}, b"<html>bad gateway</html>"),
}
"""What a server says without doing anything."""

LOST = ("lost", "half", "late")
"""What is done and not answered, or not whole, or not in time."""

FAULTS = ("reset", "slow", *LOST, *REFUSALS)
WATCH_FAULTS = ("reset", "unavailable", "cut", "expired")

Chooser = Callable[[Call], "str | None"]


def sometimes(rate: float, seed: int) -> Chooser:
    """A fault for this part of the calls. What happens to the n-th call on a path depends on the seed alone."""
    seen: Counter[tuple[str, str]] = Counter()
    lock = threading.Lock()

    def choose(call: Call) -> str | None:
        key = (call.method + str("dryRun" in call.query), call.path)
        with lock:
            seen[key] += 1
            dice = random.Random(f"{seed} {key} {seen[key]}")
        if dice.random() >= rate:
            return None
        if call.watch:
            return dice.choice(WATCH_FAULTS)
        return dice.choice([fault for fault in FAULTS if fault != "conflict" or call.write])

    return choose


class FaultProxy:
    """Start with ``start()``, stop with ``stop()``. ``choose`` decides about each call; ``calls`` says what came.

    Client certificates don't pass a proxy: use a token.
    """

    def __init__(self, upstream: str, authority: Any, choose: Chooser = lambda _call: None) -> None:
        self.upstream = urlsplit(upstream)
        self.choose = choose
        self.calls: list[tuple[Call, str | None]] = []
        self.done: dict[int, int] = {}
        self.before: Callable[[Call], bool] = lambda _call: True
        """Called before a call is passed on; whether to do that."""
        self.after: Callable[[Call], bool] = lambda _call: True
        """Called once it was obeyed; whether to say so."""
        self._lock = threading.Lock()
        self._trust = ssl.create_default_context(cafile=str(authority.path))
        certificate, key = authority.issue("proxy", "proxy", server=True)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        port = self._server.server_address[1] if self._server else 0
        return f"https://127.0.0.1:{port}"

    def start(self) -> FaultProxy:
        self._server = _Server(("127.0.0.1", 0), _Handler, self, self._context)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def forget(self) -> None:
        """Count from 1 again."""
        with self._lock:
            self.calls, self.done = [], {}

    def kubeconfig(self, path: Path, config: dict[str, Any]) -> str:
        """Write a kubeconfig that goes through the proxy."""
        config["clusters"][0]["cluster"]["server"] = self.url
        path.write_text(json.dumps(config), encoding="utf-8")
        return str(path)

    def came(self, method: str, target: str) -> tuple[Call, str | None]:
        """Count a call in and decide about it."""
        parts = urlsplit(target)
        with self._lock:
            call = Call(len(self.calls) + 1, method, parts.path, parse_qs(parts.query))
            self.calls.append((call, None))
        fault = self.choose(call)
        with self._lock:
            if len(self.calls) >= call.number and self.calls[call.number - 1][0] is call:
                self.calls[call.number - 1] = (call, fault)
        return call, fault

    def lost(self) -> Counter[str]:
        """Path to the writes on it that were done, but whose answers were lost."""
        return Counter(
            call.path
            for call, fault in self.calls
            if fault in LOST and call.write and self.done.get(call.number, 0) < 400
        )

    def open(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            str(self.upstream.hostname), self.upstream.port, context=self._trust, timeout=60
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: Any, handler: Any, proxy: FaultProxy, context: ssl.SSLContext) -> None:
        super().__init__(address, handler)
        self.proxy, self.context = proxy, context

    def finish_request(self, request: Any, client_address: Any) -> None:
        """TLS in the connection's own thread."""
        try:
            request.settimeout(60)
            tls = self.context.wrap_socket(request, server_side=True)
            self.RequestHandlerClass(tls, client_address, self)
            tls.close()
        except (OSError, ValueError):
            pass

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.above = self.server.proxy.open()  # type: ignore[attr-defined]

    def finish(self) -> None:
        self.above.close()
        super().finish()

    def log_message(self, *_args: Any) -> None:
        """Silence."""

    def _any(self) -> None:
        proxy: FaultProxy = self.server.proxy  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call, fault = proxy.came(self.command, self.path)
        if not proxy.before(call) or fault == "reset":
            return self._reset()
        if fault in REFUSALS:
            return self._answer(*REFUSALS[fault])
        if fault == "slow":
            time.sleep(0.3)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        try:
            self.above.request(self.command, self.path, body or None, headers)
            response = self.above.getresponse()
        except (OSError, http.client.HTTPException):
            return self._reset()
        proxy.done[call.number] = response.status
        if call.watch and response.status == 200:
            return self._stream(response, fault)
        content = response.read()
        kept = {name: value for name, value in response.getheaders() if name.lower() not in HOP}
        if not proxy.after(call) or fault == "lost":
            return self._reset()
        if fault == "late":
            return self._answer(*status(504, "Timeout", "Timeout: request did not complete within requested timeout"))
        if fault == "half":
            return self._half(response.status, kept, content)
        return self._answer(response.status, kept, content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 (http.server's names)

    def _answer(self, code: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _half(self, code: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        self._reset()

    def _stream(self, response: Any, fault: str | None) -> None:
        """Pass a watch on as it comes; cut it in the middle of an event, or let its version be too old."""
        self.close_connection = True
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        if fault == "expired":
            gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
            self.wfile.write(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
            return
        if fault == "cut":
            self.connection.settimeout(None)
            self.wfile.write(b'{"type": "MODIF')
            self.wfile.flush()
            self._reset()
            return
        while chunk := response.read1(65536):
            self.wfile.write(chunk)
            self.wfile.flush()

    def _reset(self) -> None:
        """RST instead of a farewell."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(self.connection)
