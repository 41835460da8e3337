# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names tell what is secret."""

from __future__ import annotations

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _mask, _secret_fields


@pytest.mark.parametrize(
    "name",
    ["password", "adminPassword", "bearer_token", "example.org/api-token", "apiKey", "s3.secret-key", "authorization"],
)
def test_fields_that_are_secret(name):
    assert _secret_fields.field_name(name)


@pytest.mark.parametrize(
    "name", ["key", "secretName", "tokenFile", "passwordKey", "topologyKey", "data", "", "-", "image"]
)
def test_fields_that_are_not(name):
    assert not _secret_fields.field_name(name)


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "API_TOKEN", "AWS_SECRET_ACCESS_KEY", "KEY", "--api-token", "X-Api-Key"]
)
def test_variables_headers_and_flags_that_are_secret(name):
    assert _secret_fields.variable_name(name)


@pytest.mark.parametrize(
    "name", ["TOKEN_FILE", "PASSWORD_LENGTH", "KEYCLOAK_URL", "--bearer-token-file", "PATH", "LOG_LEVEL", ""]
)
def test_variables_that_are_not(name):
    assert not _secret_fields.variable_name(name)


def found(spec):
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
    return {".".join(map(str, path)): value for path, value in _secret_fields.fields(body)}


def test_variables_by_name_but_not_what_refers_elsewhere():
    env = [
        {"name": "DB_PASSWORD", "value": "hunter2"},
        {"name": "OTHER_TOKEN", "value": "$(DB_PASSWORD)"},
        {"name": "TOKEN_NEEDED", "value": "true"},
        {"name": "MY_TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}},
        {"name": "LEVEL", "value": "debug"},
    ]
    assert found({"containers": [{"env": env}]}) == {"spec.containers.0.env.0.value": "hunter2"}


def test_a_value_of_the_wrong_type_is_secret_too():
    # The server refuses it in words that repeat it.
    env = [{"name": "DB_PASSWORD", "value": {"a": ["hunter2", 12345678]}}]
    assert list(found({"env": env}).values()) == ["hunter2", "12345678"]


def test_flags_keep_their_names():
    body = {
        "kind": "Pod",
        "spec": {"args": ["--token=hunter2", "--password", "hunter3", "--level=debug", "hunter-free"]},
    }
    assert _mask.hidden(body)["spec"]["args"] == [
        "--token=********",
        "--password",
        "********",
        "--level=debug",
        "hunter-free",
    ]
    assert body["spec"]["args"][0] == "--token=hunter2"
    assert "longsecret1" in _mask.secret_values([{"kind": "Pod", "spec": {"args": ["--token=longsecret1"]}}])


def test_definitions_are_not_read():
    assert list(_secret_fields.fields({"kind": "CustomResourceDefinition", "spec": {"password": "x"}})) == []
