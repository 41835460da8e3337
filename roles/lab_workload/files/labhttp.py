# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few lines of JSON over HTTP, shared by the lab's small servers."""

from __future__ import annotations

import base64
import json
import signal
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Request:
    """One request: query parameters by name (last one wins) and the decoded JSON body, if any."""

    query: Mapping[str, str]
    body: Any = None


@dataclass(frozen=True)
class Reply:
    """What goes back: a JSON value, or text with its own content type."""

    body: Any
    status: int = 200
    content_type: str = "application/json"

    def encoded(self) -> bytes:
        """Bytes for the wire."""
        if isinstance(self.body, bytes):
            return self.body
        return (json.dumps(self.body) + "\n").encode()


class BadRequest(ValueError):
    """The caller's mistake; its text is the answer."""


Handler = Callable[[Request], Reply]
Routes = Mapping[tuple[str, str], Handler]
Login = Callable[[str, str], bool]
"""Whether a user may come in with a password."""


def answer(routes: Routes, method: str, target: str, raw: bytes) -> Reply:
    """Find the handler for a request line and run it. No sockets: this is what the unit tests call."""
    parts = urlsplit(target)
    handler = routes.get((method, parts.path))
    if handler is None:
        known = any(path == parts.path for _method, path in routes)
        return Reply({"error": f"{method} {parts.path} is not served"}, status=405 if known else 404)
    try:
        body = json.loads(raw) if raw else None
    except ValueError as error:
        return Reply({"error": f"the body is not JSON: {error}"}, status=400)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    try:
        return handler(Request(query, body))
    except BadRequest as error:
        return Reply({"error": str(error)}, status=400)


def handler_class(routes: Routes, may: Login | None = None) -> type[BaseHTTPRequestHandler]:
    """The http.server class that serves these routes, to those who may come in."""

    class JsonHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def _serve(self) -> None:
            if may is not None and not may(*login(self.headers.get("Authorization") or "")):
                self.close_connection = True
                self._send(Reply({"error": "who are you?"}, status=401))
                return
            length = int(self.headers.get("Content-Length") or 0)
            if length > MAX_BODY_BYTES:
                self.close_connection = True
                self._send(Reply({"error": f"the body is larger than {MAX_BODY_BYTES} bytes"}, status=413))
                return
            self._send(answer(routes, self.command, self.path, self.rfile.read(length)))

        def _send(self, reply: Reply) -> None:
            payload = reply.encoded()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(payload)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server looks for these names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the inherited name
            """Quiet: a load generator would fill the log."""

    return JsonHandler


def login(header: str) -> tuple[str, str]:
    """User and password of an Authorization header; empty where it has none."""
    kind, _space, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode() if kind.lower() == "basic" else ""
    except ValueError:
        return "", ""
    name, _colon, password = text.partition(":")
    return name, password


def serve(routes: Routes, port: int, context: ssl.SSLContext | None = None, may: Login | None = None) -> None:
    """Serve until SIGTERM or SIGINT, by TLS where there is a context for it."""
    server = ThreadingHTTPServer(("", port), handler_class(routes, may))
    if context is not None:
        # The handshake is the connection's own thread's: one that says nothing keeps nobody waiting.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)

    def stop(*_args: object) -> None:
        # shutdown() waits for serve_forever(), which this handler has interrupted: ask from another thread
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever()
    server.server_close()


def healthy(_request: Request) -> Reply:
    """GET /healthz."""
    return Reply({"status": "ok"})
