# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small HTTP layer: routes, mistakes, and a real socket once."""

from __future__ import annotations

import http.client
import threading
from http.server import ThreadingHTTPServer

import pytest
from labhttp import MAX_BODY_BYTES, BadRequest, Reply, answer, handler_class, healthy, login


def echo(request):
    if request.body == "bad":
        raise BadRequest("not that")
    return Reply({"body": request.body, "query": dict(request.query)})


ROUTES = {("POST", "/echo"): echo, ("GET", "/healthz"): healthy}


def test_a_route_gets_body_and_query():
    assert answer(ROUTES, "POST", "/echo?a=1&a=2", b'{"x": 1}').body == {"body": {"x": 1}, "query": {"a": "2"}}


@pytest.mark.parametrize(
    ("method", "target", "raw", "status"),
    [
        ("GET", "/nowhere", b"", 404),
        ("GET", "/echo", b"", 405),
        ("POST", "/echo", b"{", 400),
        ("POST", "/echo", b"\xff\xfe", 400),
        ("POST", "/echo", b'"bad"', 400),
        ("GET", "/healthz", b"", 200),
    ],
)
def test_mistakes_have_their_status(method, target, raw, status):
    assert answer(ROUTES, method, target, raw).status == status


@pytest.mark.parametrize(
    ("header", "who"),
    [
        ("Basic bWU6YTpi", ("me", "a:b")),
        ("basic bWU6", ("me", "")),
        ("Bearer bWU6YTpi", ("", "")),
        ("Basic %%", ("", "")),
        ("Basic /w==", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_login_is_read_from_its_header(header, who):
    assert login(header) == who


def test_who_may_not_come_in_gets_nothing(locked):
    for header, status in ((None, 401), ("Basic bWU6bm8=", 401), ("Basic bWU6YTpi", 200)):
        locked.request("GET", "/healthz", headers={"Authorization": header} if header else {})
        reply = locked.getresponse()
        assert (reply.status, b"ok" in reply.read()) == (status, status == 200)


@pytest.fixture
def locked():
    yield from served(handler_class(ROUTES, lambda name, password: (name, password) == ("me", "a:b")))


@pytest.fixture
def connection():
    yield from served(handler_class(ROUTES))


def served(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    client = http.client.HTTPConnection(*server.server_address, timeout=5)
    yield client
    client.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_over_a_socket_the_connection_is_kept(connection):
    for _ in range(2):
        connection.request("POST", "/echo", body=b"[1]")
        reply = connection.getresponse()
        assert (reply.status, reply.getheader("Content-Type")) == (200, "application/json")
        assert reply.read() == b'{"body": [1], "query": {}}\n'


def test_too_large_a_body_is_refused_before_it_is_read(connection):
    connection.putrequest("POST", "/echo")
    connection.putheader("Content-Length", str(MAX_BODY_BYTES + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
