# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs, options and environment to an endpoint; the kubernetes package is the judge where it can be."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from typing import Any

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils import (
    _exec_login,
    _kubeconfig,
    _library_login,
    _login,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._endpoint import Endpoint
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import ConnectionProblem

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config(user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": "https://host:6443", **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "ns"}},
            {"name": "two", "context": {"cluster": "nowhere", "user": "u"}},
            {"name": "three", "context": {"cluster": "c", "user": "nobody"}},
        ],
    }


@pytest.fixture
def files(tmp_path):
    for name in ("ca.crt", "client.crt", "client.key"):
        (tmp_path / name).write_text(PEM + name)
    (tmp_path / "token").write_text("from-a-file\n")
    return tmp_path


CASES = {
    "nothing": config(),
    "token": config({"token": "abc"}),
    "token file": config({"tokenFile": "token"}),
    "basic": config({"username": "me", "password": "secret"}),
    "certificate files": config(
        {"client-certificate": "client.crt", "client-key": "client.key"}, **{"certificate-authority": "ca.crt"}
    ),
    "inline certificates": config(
        {"client-certificate-data": encoded("cert"), "client-key-data": encoded("key")},
        **{"certificate-authority-data": encoded("ca")},
    ),
    "insecure": config({"token": "abc"}, **{"insecure-skip-tls-verify": True}),
    "name and proxy": config({"token": "abc"}, **{"tls-server-name": "other", "proxy-url": "http://proxy:3128"}),
    "trailing slash": config(server="https://host:6443/"),
}


def content(path: str | None) -> bytes | None:
    if not path:
        return None
    with open(path, "rb") as stream:
        return stream.read()


@pytest.mark.parametrize("name", CASES)
def test_the_kubernetes_package_reads_the_same(name, files):
    client = pytest.importorskip("kubernetes.client")
    loader = pytest.importorskip("kubernetes.config")
    path = files / "config"
    path.write_text(yaml.safe_dump(CASES[name]))
    theirs = client.Configuration()
    loader.load_kube_config(config_file=str(path), client_configuration=theirs)

    ours = _kubeconfig.read(str(path)).endpoint()

    assert ours.server == theirs.host.rstrip("/")
    assert ours.verify == theirs.verify_ssl
    assert ours.ca == content(theirs.ssl_ca_cert)
    assert ours.client_cert == content(theirs.cert_file)
    assert ours.client_key == content(theirs.key_file)
    assert (ours.tls_server_name or None) == theirs.tls_server_name
    assert (ours.proxy or None) == theirs.proxy
    theirs_token = next(iter(theirs.api_key.values()), "").strip()  # kubectl leaves the file's newline out too
    if name == "basic":
        pair = base64.b64encode(f"{ours.username}:{ours.password}".encode()).decode()
        assert theirs_token == "Basic " + pair
    else:
        assert theirs_token == ("Bearer " + ours.token if ours.token else "")


def test_impersonation_is_read_too():
    user = {"token": "t", "as": "boss", "as-uid": "7", "as-groups": ["a", "b"], "as-user-extra": {"scope": ["x"]}}
    ours = _kubeconfig.read(config(user)).endpoint()
    assert (ours.impersonate_user, ours.impersonate_uid, ours.impersonate_groups) == ("boss", "7", ("a", "b"))
    assert ours.impersonate_extra == {"scope": ("x",)}
    assert ours.namespace == "ns"


def test_several_files_merge_and_the_first_wins(tmp_path):
    (tmp_path / "a").write_text(yaml.safe_dump(config({"token": "first"})))
    second = config({"token": "second"})
    second["contexts"].append({"name": "four", "context": {"cluster": "c", "user": "u"}})
    (tmp_path / "b").write_text(yaml.safe_dump(second))
    merged = _kubeconfig.read(os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "none"), str(tmp_path / "b")]))
    assert merged.endpoint("four").token == "first"
    assert merged.endpoint().origin == "kubeconfig %s, %s, context one" % (tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        (yaml.safe_dump(config()), "four", "no context four (it has: one, three, two)"),
        (yaml.safe_dump(config()), "two", "context two names the cluster nowhere"),
        (yaml.safe_dump(config()), "three", "no user nobody (it has: u)"),
        (yaml.safe_dump({**config(), "current-context": ""}), "", "has no current-context"),
        (yaml.safe_dump(config(server="")), "", "the cluster c has no server"),
        (yaml.safe_dump({**config(), "users": {}}), "", "no user u (it has: none)"),
        (yaml.safe_dump({**config(), "users": "x"}), "", "users must be a list of named entries"),
        (yaml.safe_dump(config({"client-key-data": "***"})), "", "client-key-data isn't valid base64"),
        (yaml.safe_dump(config({"client-key": "gone.key"})), "", "gone.key can't be read: No such file"),
        ("- a\n", "", "isn't a kubeconfig"),
        ("a: [", "", "not valid YAML"),
        (b"\xff\xfe\xff", "", "not a text file"),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_file(tmp_path, text, context, message):
    path = tmp_path / "config"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConnectionProblem) as caught:
        _kubeconfig.read(str(path)).endpoint(context)
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.message.endswith((".", ")"))


def test_a_missing_file_is_named():
    with pytest.raises(ConnectionProblem, match=r"kubeconfig /no/such/file: no such file\. Set the option kubeconfig"):
        _kubeconfig.read("/no/such/file")


def test_options_win_over_the_environment_and_that_over_the_file(files):
    (files / "config").write_text(yaml.safe_dump(config({"token": "file"})))
    environ = {
        "K8S_AUTH_KUBECONFIG": str(files / "config"),
        "K8S_AUTH_API_KEY": "environment",
        "K8S_AUTH_VERIFY_SSL": "no",
        "K8S_AUTH_IMPERSONATE_GROUPS": "a, b",
        "K8S_AUTH_PROXY": "http://proxy:1",
        "K8S_AUTH_NO_PROXY": "host",
    }
    ours = _login.resolve({}, environ)
    assert (ours.token, ours.verify, ours.impersonate_groups) == ("environment", False, ("a", "b"))
    assert (ours.proxy, ours.no_proxy) == ("http://proxy:1", "host")
    ours = _login.resolve({"api_key": "option", "validate_certs": True, "host": "https://other/"}, environ)
    assert (ours.token, ours.verify, ours.server) == ("option", True, "https://other")


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "t"},
        {"username": "u", "password": "p"},
        {"client_cert": "client.crt", "client_key": "client.key"},
    ],
)
def test_host_and_credentials_need_no_file(files, options):
    given = {key: str(files / value) if "client" in key else value for key, value in options.items()}
    ours = _login.resolve({"host": "https://h:1", **given, "ca_cert": str(files / "ca.crt")}, {"KUBECONFIG": "/no"})
    assert ours.server == "https://h:1"
    assert ours.ca == (PEM + "ca.crt").encode()


def test_a_host_alone_takes_the_rest_from_the_file_where_there_is_one(files):
    (files / "config").write_text(yaml.safe_dump(config({"token": "file"})))
    assert _login.resolve({"host": "https://h:1"}, {"KUBECONFIG": str(files / "config")}).token == "file"
    assert _login.resolve({"host": "https://h:1"}, {"KUBECONFIG": "/no/such"}).token == ""
    with pytest.raises(ConnectionProblem):
        _login.resolve({"host": "https://h:1", "kubeconfig": "/no/such"}, {})


def test_in_a_pod_its_account_is_used_unless_a_file_is_named(files):
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    ours = _login.resolve({}, environ, account=str(files))
    assert (ours.server, ours.token, ours.token_file) == ("https://10.0.0.1:443", "from-a-file", str(files / "token"))
    ours = _login.resolve({}, {**environ, "KUBERNETES_SERVICE_HOST": "fd00::1"}, account=str(files))
    assert ours.server == "https://[fd00::1]:443"
    (files / "config").write_text(yaml.safe_dump(config({"token": "file"})))
    assert _login.resolve({"kubeconfig": str(files / "config")}, environ, account=str(files)).token == "file"


def test_a_missing_certificate_names_its_option():
    options = {"host": "https://h", "api_key": "t", "ca_cert": "/no/such/ca"}
    with pytest.raises(ConnectionProblem, match="ca_cert: /no/such/ca can't be read: No such file"):
        _login.resolve(options, {})


def test_secrets_stay_out_of_repr():
    ours = Endpoint("https://h", token="abcdef", password="ghijkl", client_key=b"mnopqr", proxy="http://u:stuvwx@p")
    for secret in ("abcdef", "ghijkl", "mnopqr", "stuvwx"):
        assert secret not in repr(ours)


# Logins by a program


class Program:
    """Stands in for subprocess.run."""

    def __init__(self, stdout: str = "", code: int = 0, stderr: str = "", raises: Exception | None = None) -> None:
        self.answer = subprocess.CompletedProcess([], code, stdout, stderr)
        self.raises = raises
        self.called: dict[str, Any] = {}

    def __call__(self, command, **options):
        self.called = {"command": command, **options}
        if self.raises:
            raise self.raises
        return self.answer


def credential(**status: str) -> str:
    return json.dumps({"kind": "ExecCredential", "status": status})


BASE = Endpoint("https://h:1", origin="kubeconfig /c, context x")
LOGIN = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "command": "bin/login",
    "args": ["get", 1],
    "env": [{"name": "MODE", "value": "x"}],
    "provideClusterInfo": True,
}


def test_a_program_gets_what_it_needs_and_gives_a_token():
    program = Program(credential(token="t"))
    ours = _exec_login.endpoint(BASE, LOGIN, "/folder", {"HOME": "/h"}, program)
    assert ours.token == "t"
    assert program.called["command"] == ["/folder/bin/login", "get", "1"]
    assert program.called["env"]["HOME"] == "/h"
    assert program.called["env"]["MODE"] == "x"
    assert '"server": "https://h:1"' in program.called["env"]["KUBERNETES_EXEC_INFO"]


def test_a_program_may_give_a_certificate():
    program = Program(credential(clientCertificateData="CERT", clientKeyData="KEY"))
    ours = _exec_login.endpoint(BASE, {"command": "login"}, "/folder", {}, program)
    assert (ours.client_cert, ours.client_key) == (b"CERT", b"KEY")
    assert program.called["command"] == ["login"]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (Program(code=3, stderr="a\nno session\n"), "bin/login ended with 3: no session."),
        (Program(code=3), "bin/login ended with 3."),
        (Program("not json"), "printed no ExecCredential"),
        (Program("[]"), "printed no ExecCredential"),
        (Program(credential()), "printed no ExecCredential"),
        (Program(raises=FileNotFoundError()), "isn't there: install it, or put it on PATH"),
        (Program(raises=PermissionError(13, "Permission denied")), "can't be run: Permission denied"),
        (Program(raises=subprocess.TimeoutExpired("x", 60)), "didn't end within 60 s"),
    ],
)
def test_a_program_that_fails_is_one_sentence(program, message):
    with pytest.raises(ConnectionProblem) as caught:
        _exec_login.endpoint(BASE, LOGIN, "/folder", {}, program)
    assert caught.value.message.startswith("kubeconfig /c, context x: the login failed: ")
    assert message in caught.value.message


def test_a_context_with_exec_runs_its_program(tmp_path):
    program = tmp_path / "login"
    program.write_text("#!/bin/sh\necho '%s'\n" % credential(token="by-program"))
    program.chmod(0o755)
    (tmp_path / "config").write_text(yaml.safe_dump(config({"exec": {"command": "./login"}})))
    assert _login.resolve({"kubeconfig": str(tmp_path / "config")}, dict(os.environ)).token == "by-program"


def test_an_auth_provider_is_left_to_the_library(tmp_path):
    pytest.importorskip("kubernetes")
    payload = base64.urlsafe_b64encode(b'{"exp": 99999999999}').decode().rstrip("=")
    token = f"aGVhZGVy.{payload}.c2ln"
    provider = {"name": "oidc", "config": {"id-token": token}}
    (tmp_path / "config").write_text(yaml.safe_dump(config({"auth-provider": provider})))
    assert _login.resolve({"kubeconfig": str(tmp_path / "config")}, {}).token == token
    assert _login.resolve({"kubeconfig": config({"auth-provider": provider})}, {}).token == token


def test_an_auth_provider_that_fails_is_said():
    pytest.importorskip("kubernetes")
    broken = _kubeconfig.read(config({"auth-provider": {"name": "oidc"}}))
    with pytest.raises(ConnectionProblem, match="the login failed"):
        _library_login.endpoint(broken, "")
