# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins that fail: each is one clear sentence."""

from __future__ import annotations

import base64

import pytest
import yaml
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _client, _login
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import ConnectionProblem, InvalidInput
from integration.engine.apiserver import ADMIN_TOKEN, NOBODY_TOKEN, Authority, free_port

OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n"


def kubeconfig(cluster, **user):
    return cluster.server.config_for(user)


def failure(cluster, **options) -> str:
    with pytest.raises(ConnectionProblem) as caught:
        cluster.rollout(OBJECT, **options)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("form", ["inline", "files", "token", "token file", "dict", "options", "proxy-less host"])
def test_every_way_in_works(cluster, tmp_path, form):
    server = cluster.server
    certificate, key = server.folder / "admin.crt", server.folder / "admin.key"
    ca = str(server.authority.path)
    if form == "inline":
        options = {"kubeconfig": str(server.kubeconfig)}
    elif form == "dict":
        options = {"kubeconfig": yaml.safe_load(server.kubeconfig.read_text())}
    elif form == "options":
        options = {"kubeconfig": None, "host": server.url, "api_key": ADMIN_TOKEN, "ca_cert": ca}
    elif form == "proxy-less host":
        options = {"kubeconfig": None, "host": server.url, "ca_cert": ca, "client_cert": certificate, "client_key": key}
        options = {name: str(value) if value else None for name, value in options.items()}
    else:
        (tmp_path / "token").write_text(ADMIN_TOKEN + "\n")
        user = {
            "files": {"client-certificate": str(certificate), "client-key": str(key)},
            "token": {"token": ADMIN_TOKEN},
            "token file": {"tokenFile": "token"},
        }[form]
        (tmp_path / "config").write_text(yaml.safe_dump(server.config_for(user)))
        options = {"kubeconfig": str(tmp_path / "config")}
    assert cluster.rollout(OBJECT, **options)["changed"]


def test_an_impersonated_user_has_only_its_own_rights(cluster):
    text = failure_of_rights(cluster, impersonate_user="somebody", impersonate_groups=["system:authenticated"])
    assert "- somebody may not get configmaps one in the namespace %s" % cluster.namespace in text


def failure_of_rights(cluster, **options) -> str:
    with pytest.raises((InvalidInput, ConnectionProblem)) as caught:
        cluster.rollout(OBJECT, **options)
    return caught.value.message


def test_a_user_who_may_only_read_is_told_what_may_not_be_written(cluster):
    api = "/apis/rbac.authorization.k8s.io/v1"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "nobody"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    cluster.server.request("POST", cluster.path("roles", api=api), {"metadata": {"name": "reader"}, "rules": rules})
    binding = {"metadata": {"name": "reader"}, "roleRef": reference, "subjects": [subject]}
    cluster.server.request("POST", cluster.path("rolebindings", api=api), binding)
    text = failure_of_rights(cluster, kubeconfig=kubeconfig(cluster, token=NOBODY_TOKEN))
    assert "- nobody may not patch configmaps one in the namespace %s" % cluster.namespace in text
    assert "- nobody may not get configmaps one" not in text


def test_a_user_without_rights_is_told_which(cluster):
    text = failure_of_rights(cluster, kubeconfig=kubeconfig(cluster, token=NOBODY_TOKEN))
    assert "- nobody may not get configmaps one in the namespace %s" % cluster.namespace in text
    assert "Rules that would allow it:" in text
    assert "Nothing was written" in text


def test_an_expired_token_is_told(cluster):
    text = failure(cluster, kubeconfig=kubeconfig(cluster, token="expired-token-value"))
    assert "context test" in text
    assert "401" in text
    assert "expired" in text
    assert "expired-token-value" not in text


def test_an_unreachable_server_is_named(cluster):
    port = free_port()
    config = cluster.server.config_for({"token": ADMIN_TOKEN})
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    text = failure(cluster, kubeconfig=config)
    assert f"https://127.0.0.1:{port} can't be reached: Connection refused" in text
    assert "Check that the server runs" in text


def test_a_ca_that_did_not_sign_the_server_is_said(cluster, tmp_path):
    config = cluster.server.config_for({"token": ADMIN_TOKEN})
    other = Authority(tmp_path).path.read_bytes()
    config["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(other).decode()
    text = failure(cluster, kubeconfig=config)
    assert "certificate isn't trusted" in text
    assert "certificate-authority-data" in text


def test_a_name_that_is_not_in_the_certificate_is_said(cluster):
    config = cluster.server.config_for({"token": ADMIN_TOKEN})
    config["clusters"][0]["cluster"]["tls-server-name"] = "elsewhere.example.org"
    assert "certificate isn't trusted" in failure(cluster, kubeconfig=config)
    config["clusters"][0]["cluster"]["tls-server-name"] = "localhost"
    assert cluster.rollout(OBJECT, kubeconfig=config)["changed"]


def test_certificates_need_not_be_checked(cluster):
    config = cluster.server.config_for({"token": ADMIN_TOKEN})
    del config["clusters"][0]["cluster"]["certificate-authority-data"]
    assert cluster.rollout(OBJECT, kubeconfig=config, validate_certs=False)["changed"]


def test_a_wrong_context_lists_those_there_are(cluster):
    text = failure(cluster, context="production")
    assert f"kubeconfig {cluster.server.kubeconfig}: no context production (it has: test)" in text


def test_a_missing_file_is_named(cluster):
    text = failure(cluster, kubeconfig="/nonexistent/config")
    assert "kubeconfig /nonexistent/config: no such file" in text


def test_the_environment_says_where(cluster):
    environ = {"K8S_AUTH_KUBECONFIG": str(cluster.server.kubeconfig), "K8S_AUTH_CONTEXT": "test"}
    client = _client.connect(_login.resolve({}, environ))
    assert client.resource("apps/v1", "Deployment").namespaced
    assert client.resource("apps/v1", "Nothing") is None


def test_an_exec_login_runs_its_program(cluster, tmp_path):
    program = tmp_path / "login"
    credential = (
        '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "%s"}}'
    )
    program.write_text("#!/bin/sh\necho '%s'\n" % credential % ADMIN_TOKEN)
    program.chmod(0o755)
    login = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
    assert cluster.rollout(OBJECT, kubeconfig=kubeconfig(cluster, exec=login))["changed"]


def test_an_exec_login_that_fails_is_said(cluster):
    login = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}
    assert "the login failed: false ended with 1" in failure(cluster, kubeconfig=kubeconfig(cluster, exec=login))
