# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP: headers, retries, errors, watches."""

from __future__ import annotations

import json
import ssl
from typing import Any

import pytest
import urllib3
from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _client,
    _kinds,
    _requests,
    _retry,
    _transport,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._client import HttpClient
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import ConnectionProblem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from urllib3.exceptions import MaxRetryError, NewConnectionError, ReadTimeoutError

SERVER = "https://host:6443"


class Answer:
    def __init__(self, status: int = 200, body: Any = None, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.data = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
        self.headers = urllib3.HTTPHeaderDict(headers or {})
        self.closed = False

    def read(self) -> bytes:
        return self.data

    def stream(self, size: int, decode_content: bool):
        half = len(self.data) // 2
        yield self.data[:half]
        yield self.data[half:]

    def close(self) -> None:
        self.closed = True


class Pool:
    """Answers in order; an exception is raised; the last answer stays."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[dict[str, Any]] = []

    def request(self, method: str, url: str, **options: Any) -> Answer:
        self.calls.append({"method": method, "url": url, **options})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Time:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def client(pool: Pool, time: Time | None = None, **endpoint: Any) -> HttpClient:
    time = time or Time()
    return HttpClient(Endpoint(SERVER, **endpoint), pool, time.clock, time.sleep)


def refused() -> MaxRetryError:
    return MaxRetryError(None, "/", NewConnectionError(None, "x: [Errno 111] Connection refused"))


def test_a_call_carries_who_we_are():
    pool = Pool(Answer(body={"kind": "X"}))
    extra = {"scope/x": ("a", "b")}
    made = client(
        pool,
        token="t",
        impersonate_user="boss",
        impersonate_uid="7",
        impersonate_groups=("a", "b"),
        impersonate_extra=extra,
    )
    assert made.get("/api", {"limit": "1"}) == {"kind": "X"}
    (call,) = pool.calls
    assert call["url"] == SERVER + "/api?limit=1"
    headers = call["headers"]
    assert headers["Authorization"] == "Bearer t"
    assert headers["Impersonate-User"] == "boss"
    assert headers["Impersonate-Uid"] == "7"
    assert headers.getlist("Impersonate-Group") == ["a", "b"]
    assert headers.getlist("Impersonate-Extra-scope%2Fx") == ["a", "b"]


def test_a_name_and_password_go_as_basic():
    pool = Pool(Answer())
    client(pool, username="me", password="pw").get("/")
    assert pool.calls[0]["headers"]["Authorization"] == "Basic bWU6cHc="


def test_a_body_is_json_unless_it_is_bytes():
    pool = Pool(Answer())
    made = client(pool)
    made.send("PATCH", "/x", {"a": 1}, {"dryRun": "All"}, "application/apply-patch+yaml")
    made.send("POST", "/x", b"raw")
    made.send("DELETE", "/x")
    assert [call["body"] for call in pool.calls] == [b'{"a": 1}', b"raw", None]
    assert pool.calls[0]["headers"]["Content-Type"] == "application/apply-patch+yaml"
    assert "Content-Type" not in pool.calls[2]["headers"]


def test_metadata_is_asked_for_alone():
    pool = Pool(Answer(body={"kind": "PartialObjectMetadata", "metadata": {"name": "x"}}))
    assert client(pool).metadata("/x")["metadata"] == {"name": "x"}
    assert pool.calls[0]["headers"]["Accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def test_text_is_given_as_it_is():
    assert client(Pool(Answer(body=b"line\xff"))).text("/log") == "line\ufffd"


@pytest.mark.parametrize("status", [429, 503])
def test_an_overloaded_server_is_asked_again(status):
    time = Time()
    pool = Pool(Answer(status), Answer(status), Answer(body={"ok": 1}))
    assert client(pool, time).get("/x") == {"ok": 1}
    assert len(time.slept) == 2


def test_the_server_says_how_long_to_wait():
    time = Time()
    pool = Pool(Answer(body={}), Answer(429, headers={"Retry-After": "7"}), Answer())
    made = client(pool, time)
    made.get("/x")
    made.get("/x")
    assert time.slept[0] >= 7
    status = {"details": {"retryAfterSeconds": 9}, "message": "slow down"}
    made = client(Pool(Answer(), Answer(429, status), Answer()), time)
    made.get("/x")
    made.get("/x")
    assert time.slept[-1] >= 9


def test_patience_ends_and_is_short_before_the_first_answer():
    time = Time()
    with pytest.raises(ApiError) as caught:
        client(Pool(refused()), time).get("/x")
    assert caught.value.status == 0
    assert "https://host:6443 can't be reached" in caught.value.message
    assert sum(time.slept) <= _retry.FIRST_PATIENCE_SECONDS

    time = Time()
    made = client(Pool(Answer(), refused()), time)
    made.get("/x")
    with pytest.raises(ApiError):
        made.get("/x")
    assert 30 < sum(time.slept) <= 60


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_plain_refusal_is_not_repeated(status):
    pool = Pool(Answer(status, {"reason": "R", "message": "m", "details": {"causes": []}}))
    with pytest.raises(ApiError) as caught:
        client(pool).get("/x")
    assert (caught.value.status, caught.value.reason, caught.value.message) == (status, "R", "m")
    assert len(pool.calls) == 1


def test_invalid_input_told_as_500_is_not_repeated():
    pool = Pool(Answer(500, {"message": "failed to create typed patch object (x): .a: field not declared in schema"}))
    with pytest.raises(ApiError):
        client(pool).send("PATCH", "/x", {})
    assert len(pool.calls) == 1


@pytest.mark.parametrize(
    "answer", [ConnectionResetError(104, "reset"), Answer(503), Answer(500, {"reason": "InternalError"})]
)
def test_a_post_that_may_have_been_obeyed_is_not_repeated(answer):
    pool = Pool(answer)
    with pytest.raises(ApiError):
        client(pool).send("POST", "/x", {})
    assert len(pool.calls) == 1


@pytest.mark.parametrize("answer", [refused(), Answer(429)])
def test_a_post_that_was_certainly_not_obeyed_is_repeated(answer):
    pool = Pool(answer, Answer(body={"ok": 1}))
    assert client(pool).send("POST", "/x", {}) == {"ok": 1}


def test_a_rotated_token_is_read_again(tmp_path):
    path = tmp_path / "token"
    path.write_text("new\n")
    pool = Pool(Answer(401, {"message": "expired"}), Answer())
    client(pool, token="old", token_file=str(path)).get("/x")
    assert pool.calls[-1]["headers"]["Authorization"] == "Bearer new"
    pool = Pool(Answer(401, {"message": "expired"}))
    with pytest.raises(ApiError):
        client(pool, token="new", token_file=str(path)).get("/x")
    assert len(pool.calls) == 1
    with pytest.raises(ApiError):
        client(pool, token="x", token_file=str(tmp_path / "gone")).get("/x")


def test_warnings_are_kept_once():
    warning = {"Warning": '299 - "old \\"thing\\""'}
    made = client(Pool(Answer(headers=warning), Answer(headers=warning), Answer(headers={"Warning": "odd"})))
    for _time in range(3):
        made.get("/x")
    assert made.warnings() == ['old "thing"', "odd"]


@pytest.mark.parametrize(("body", "status", "text"), [(b"<html>", 200, "isn't JSON"), (b"<html>", 403, "<html>")])
def test_a_page_of_something_else_is_no_answer(body, status, text):
    with pytest.raises(ApiError, match=text):
        client(Pool(Answer(status, body))).get("/x")


def test_an_empty_answer_and_a_list_are_objects_too():
    assert client(Pool(Answer(body=b""))).get("/x") == {}
    assert client(Pool(Answer(body=[1]))).get("/x") == {"value": [1]}
    with pytest.raises(ApiError, match="HTTP status 404"):
        client(Pool(Answer(404, b""))).get("/x")


@pytest.mark.parametrize(
    ("exception", "reason", "text"),
    [
        (refused(), "Unreachable", "can't be reached"),
        (ReadTimeoutError(None, "/", "x"), "Unreachable", "no answer in time"),
        (MaxRetryError(None, "/", ssl.SSLError("WRONG_VERSION_NUMBER")), "BadCertificate", "no TLS with"),
        (OSError(113, "No route to host"), "Unreachable", "No route to host"),
    ],
)
def test_why_nothing_came_back(exception, reason, text):
    error = _requests.no_answer(Endpoint(SERVER), exception)
    assert (error.status, error.reason) == (0, reason)
    assert text in error.message


def test_an_untrusted_certificate_is_said():
    cause = ssl.SSLCertVerificationError(1, "x")
    cause.verify_message = "self-signed certificate"
    error = _requests.no_answer(Endpoint(SERVER), MaxRetryError(None, "/", cause))
    assert error.message == "https://host:6443's certificate isn't trusted: self-signed certificate"


def test_a_watch_yields_events_and_closes():
    events = [{"type": "ADDED", "object": {"a": 1}}, {"type": "MODIFIED", "object": {"a": "ü"}}]
    answer = Answer(body="\n".join(json.dumps(event) for event in events).encode() + b"\n\n")
    pool = Pool(answer)
    assert list(client(pool).watch("/x", {"resourceVersion": "1"}, 5)) == events
    assert answer.closed
    assert "watch=true" in pool.calls[0]["url"]
    assert "timeoutSeconds=5" in pool.calls[0]["url"]


def test_a_watch_that_is_refused_or_breaks_raises():
    with pytest.raises(ApiError) as caught:
        list(client(Pool(Answer(410, {"reason": "Expired", "message": "too old"}))).watch("/x", {}, 5))
    assert caught.value.reason == "Expired"

    class Broken(Answer):
        def stream(self, size, decode_content):
            yield b'{"type":'
            raise ConnectionResetError(104, "reset")

    with pytest.raises(ApiError, match="reset"):
        list(client(Pool(Broken())).watch("/x", {}, 5))


def test_a_watch_that_is_closed_ends_without_a_word():
    class Endless(Answer):
        def stream(self, size, decode_content):
            while not self.closed:
                yield b'{"type": "BOOKMARK"}\n'

    endless = Endless()
    stream = client(Pool(endless)).watch("/x", {}, 5)
    assert next(stream) == {"type": "BOOKMARK"}
    stream.close()
    assert list(stream) == []
    assert endless.closed

    pool = Pool(Answer())
    never = client(pool).watch("/x", {}, 5)
    never.close()
    assert list(never) == []
    assert pool.calls == []


def test_discovery_is_asked_once_until_it_is_forgotten():
    pool = Pool(Answer(body={"kind": "APIGroupDiscoveryList", "items": []}))
    made = client(pool)
    assert made.resource("v1", "Pod") is None
    assert made.resources() == []
    assert len(pool.calls) == 2
    made.forget_discovery()
    made.resource("v1", "Pod")
    assert len(pool.calls) == 4


STALE = {
    "kind": "APIGroupDiscoveryList",
    "items": [{"metadata": {"name": "down.io"}, "versions": [{"version": "v1", "freshness": "Stale"}]}],
}
DOWN = {"status": {"conditions": [{"type": "Available", "status": "False", "reason": "MissingEndpoints"}]}}


class Routes(Pool):
    """Answers by path."""

    def __init__(self, **answers: Any) -> None:
        super().__init__()
        self.answers = answers

    def request(self, method: str, url: str, **options: Any) -> Answer:
        self.calls.append({"method": method, "url": url, **options})
        return next(answer for part, answer in self.answers.items() if part in url)


def test_a_kind_of_an_api_that_is_down_is_said_with_its_service():
    time = Time()
    pool = Routes(apiservices=Answer(body=DOWN), api=Answer(body=STALE))
    made = client(pool, time)
    with pytest.raises(ApiError, match=r"kind X in down.io/v1 isn't known now: the APIService v1.down.io isn't avail"):
        made.resource("down.io/v1", "X")
    assert sum(time.slept) == _kinds.STALE_SECONDS
    with pytest.raises(ApiError, match=r"v1\.down\.io"):
        made.resource("down.io/v1", "Y")
    assert sum(time.slept) == _kinds.STALE_SECONDS, "waited once, not for every kind"
    assert made.resource("other.io/v1", "X") is None


def test_a_call_to_an_api_that_is_down_names_its_service():
    pool = Routes(apiservices=Answer(body=DOWN), things=Answer(503, b"service unavailable"))
    with pytest.raises(
        ApiError, match=r"service unavailable; tried \d+ times in \d+ s; the APIService v1.down.io isn't"
    ):
        client(pool).get("/apis/down.io/v1/things")


def test_before_a_write_is_sent_again_its_sender_is_asked():
    made = client(Pool(Answer(503), Answer(body={})))
    asked = []
    made.before_retry = asked.append
    made.get("/x")
    made.send("PATCH", "/x", {})
    assert asked == []
    made = client(Pool(Answer(503), Answer(body={})))
    made.before_retry = asked.append
    made.send("PATCH", "/y", {})
    assert asked == ["/y"]


def test_a_run_that_is_over_repeats_nothing():
    time = Time()
    made = client(Pool(Answer(503)), time)
    made.hurry()
    with pytest.raises(ApiError):
        made.get("/x")
    assert time.slept == []


# Transport


def test_a_server_must_be_an_address():
    for server in ("host:6443", "ftp://host", "https://"):
        with pytest.raises(ConnectionProblem, match="isn't an address like https://name:6443"):
            _transport.pool(Endpoint(server, origin="o"))


def test_a_proxy_is_used_unless_the_host_is_excepted():
    proxied = _transport.pool(Endpoint("http://host:1", proxy="http://proxy:3128"))
    assert proxied.proxy.host == "proxy"
    assert _transport.pool(Endpoint("http://host:1", proxy="http://proxy:3128", no_proxy="x, host")).proxy is None
    with pytest.raises(ConnectionProblem, match="SOCKS"):
        _transport.pool(Endpoint("http://host:1", proxy="socks5://proxy:1"))
    assert _client.connect(Endpoint("https://host:1", tls_server_name="other", verify=False)).endpoint.server


@pytest.mark.parametrize(
    ("no_proxy", "expected"),
    [("", False), ("example.org", True), (".example.org", True), ("*", True), ("ample.org", False), ("a, b", False)],
)
def test_who_is_excepted(no_proxy, expected):
    assert _transport.bypassed("API.example.org", no_proxy) is expected


def test_a_broken_ca_or_key_is_named():
    with pytest.raises(ConnectionProblem, match="o: the CA certificate can't be used"):
        _transport.context(Endpoint(SERVER, origin="o", ca=b"nonsense"))
    with pytest.raises(ConnectionProblem, match="o: the client certificate or key can't be used"):
        _transport.context(Endpoint(SERVER, origin="o", client_cert=b"nonsense", client_key=b"more"))


@pytest.mark.parametrize("memory", [True, False])
def test_a_key_is_readable_by_path_and_gone_after(monkeypatch, memory):
    if not memory:
        monkeypatch.delattr(_transport.os, "memfd_create", raising=False)
    with _transport.memory_file(b"pem") as path:
        with open(path, "rb") as stream:
            assert stream.read() == b"pem"
        kept = path
    with pytest.raises(OSError, match="No such file"):
        open(kept, "rb")  # noqa: SIM115
