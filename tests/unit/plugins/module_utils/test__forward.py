# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a place to an answer: which pod is asked, and what a broken stream is called."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _forward
from ansible_collections.openhands.gpu_observability.plugins.module_utils._forward import (
    PodTransport,
    ask_any,
    pod_transport,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._http import Request, Response, tls_context
from ansible_collections.openhands.gpu_observability.plugins.module_utils._pods import Place, PodPort, Unreachable
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import ApiError
from fake_pods import FakePods

POD = PodPort("models", "pod-0", 80)
PLACE = Place("models", 80, label_selector="app=x")


class Stream:
    def __init__(self, answer):
        self.answer, self.closed = answer, 0

    def sendall(self, data):
        pass

    def readinto(self, target):
        if isinstance(self.answer, Exception):
            raise self.answer
        size = len(self.answer)
        target[:size] = self.answer
        self.answer = b""
        return size

    def close(self):
        self.closed += 1


def transport(answer):
    def open_port(namespace, pod, port, timeout):
        assert (namespace, pod, port, timeout) == ("models", "pod-0", 80, 10.0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return PodTransport(None, open_port)


def test_an_answer_and_the_stream_is_closed():
    stream = Stream(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert transport(stream).ask(POD, Request()).status == 204
    assert stream.closed == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "no answer within 10 s"),
        (OSError("The read operation timed out"), "no answer within 10 s"),
        (OSError("dial tcp4 127.0.0.1:80: connect: Connection refused"), "nothing listens on this port$"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_broken_stream_in_words(error, said, method):
    stream = Stream(error)
    with pytest.raises(Unreachable, match=said) as caught:
        transport(stream).ask(POD, Request(method))
    assert caught.value.sent is (method == "PUT")
    assert stream.closed == 1


@pytest.mark.parametrize(
    ("error", "fatal"),
    [
        (ApiError(403, "Forbidden", "may not create pods/portforward"), True),
        (ApiError(404, "NotFound", "pods pod-0 not found"), False),
        (OSError("no route"), False),
    ],
)
def test_a_port_that_cant_be_opened(error, fatal):
    with pytest.raises(Unreachable, match=str(error)) as caught:
        transport(error).ask(POD, Request("PUT"))
    assert (caught.value.fatal, caught.value.sent) == (fatal, False)


def test_tls_that_fails_is_an_answer_too():
    with pytest.raises(Unreachable, match="pod models/pod-0 port 80"):
        transport(Stream(b"")).ask(POD, Request(), _forward.Tls(tls_context()))


def test_pods_come_from_the_api_server(monkeypatch):
    monkeypatch.setattr(_forward, "find", lambda client, place: [(client, place)])
    assert PodTransport("client", None).pods(PLACE) == [("client", PLACE)]


def test_the_next_pod_is_asked_when_one_is_gone():
    pods = FakePods(a=lambda _request: Unreachable("gone"), b=lambda _request: Response(200))
    assert ask_any(pods, PLACE, Request()).status == 200
    assert [pod for pod, _method, _path in pods.asked] == ["a", "b"]


@pytest.mark.parametrize("error", [Unreachable("no", fatal=True), Unreachable("perhaps", sent=True)])
def test_no_other_pod_when_it_is_hopeless_or_may_have_arrived(error):
    pods = FakePods(a=lambda _request: error, b=lambda _request: Response(200))
    with pytest.raises(Unreachable, match=str(error)):
        ask_any(pods, PLACE, Request("POST"))
    assert len(pods.asked) == 1


def test_the_last_reason_is_told():
    pods = FakePods(a=lambda _request: Unreachable("first"), b=lambda _request: Unreachable("last"))
    with pytest.raises(Unreachable, match="last"):
        ask_any(pods, PLACE, Request())


def test_no_pod_at_all():
    with pytest.raises(Unreachable, match="no pod"):
        ask_any(FakePods(), PLACE, Request())


def test_a_tasks_options_make_a_transport():
    made = pod_transport({"host": "https://api.example:6443", "api_key": "t"}, 3.0)
    assert made.client.endpoint.server == "https://api.example:6443"
