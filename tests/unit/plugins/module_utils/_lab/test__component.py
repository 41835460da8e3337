# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Components and the question whether they are well, asked of real local servers."""

from __future__ import annotations

import http.server
import socket
import threading

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _component

ENTRY = {"name": "kubelet", "argv": ["/bin/kubelet", 1], "health": "/run/x.sock", "files": None, "version": None}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 500)
        self.end_headers()
        self.wfile.write(b"[-]etcd failed")

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def address():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_options_become_a_component():
    component = _component.Component.from_options(ENTRY)
    assert component.argv == ("/bin/kubelet", "1")
    assert (component.files, component.version, component.package) == ((), "", "")


def test_paths_lie_below_the_state_folder():
    paths = _component.Paths("/state")
    assert paths.pid_file("etcd") == "/state/run/etcd.pid"
    assert paths.log("etcd") == "/state/log/etcd.log"
    assert paths.pki("ca.crt") == "/state/pki/ca.crt"


def test_environment_inherits_nothing(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    assert set(_component.environment("/state")) == {"PATH", "HOME", "GPU_OBSERVABILITY_LAB"}


def test_http_health(address):
    assert _component.unhealthy(f"{address}/healthz", None, 5) is None
    assert _component.unhealthy(f"{address}/other", None, 5) == f"{address}/other: HTTP 500 [-]etcd failed"


def test_nobody_listens():
    assert "refused" in _component.unhealthy("http://127.0.0.1:1/healthz", None, 5)


def test_socket_health(tmp_path):
    path = str(tmp_path / "x.sock")
    assert path in _component.unhealthy(path, None, 5)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        assert _component.unhealthy(path, None, 5) is None


def test_something_else_answers(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer():
            connection, _address = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-x\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        said = _component.unhealthy(f"http://127.0.0.1:{listener.getsockname()[1]}/", None, 5)
        thread.join()
    assert "no HTTP answer" in said


def test_https_needs_the_lab_s_certificates(tmp_path):
    assert "No such file" in _component.unhealthy("https://127.0.0.1:1/", _component.Paths(str(tmp_path)), 5)
